namespace Headstart.Trainer.Evaluation;

/// <summary>How a run's logits become probabilities and a decision. Stored in the run and carried into the exported model.</summary>
/// <param name="Temperature">Logits are divided by it. Above 1: the head was too sure of itself. Decides about probabilities alone, never
/// about which one is the highest.</param>
/// <param name="Threshold">For two classes: the second is decided for where its probability, after the temperature, is above this. Null for
/// more classes: the most probable one.</param>
/// <param name="ThresholdRule">As <c>--threshold</c> gave it; null where there is no threshold.</param>
internal sealed record Calibration(double Temperature, double? Threshold = null, string? ThresholdRule = null)
{
    /// <param name="logits">Of the validation rows, and of no others.</param>
    /// <param name="labels">Theirs.</param>
    /// <param name="classes">At least 2.</param>
    /// <param name="rule">How to choose the threshold; for more than two classes it must be the default.</param>
    /// <exception cref="CommandException">The rule needs rows of a class that has none.</exception>
    public static Calibration Fit(ReadOnlySpan<float> logits, int[] labels, int classes, ThresholdRule rule)
    {
        var temperature = TemperatureScaling.Fit(logits, labels, classes);
        if (classes > 2)
            return new Calibration(temperature);
        var calibrated = Predictions.FromLogits(logits, labels, classes, new Calibration(temperature));
        return new Calibration(temperature, rule.Fit(calibrated), rule.Text);
    }
}
