namespace Headstart.Trainer.Evaluation;

/// <summary>What the model that ships says of labelled rows. Every final figure of a run is from here: summaries, <c>run.json</c>,
/// <c>report.html</c>, <c>evaluate</c>.</summary>
/// <remarks>
/// The model that ships is what <c>trainer export</c> writes: logits divided by the run's temperature, and of two classes the second where
/// its probability is above the
/// run's threshold. The plain figures, before both, stand beside them.
/// </remarks>
/// <param name="Predictions">With the probabilities after the temperature, and what is decided at the threshold.</param>
/// <param name="Report">Of these, with the plain figures in it.</param>
internal sealed record Judgement(Predictions Predictions, EvaluationReport Report)
{
    /// <summary>The three that stand for all in summaries.</summary>
    public Figures Figures => new(Report.Loss, Report.Accuracy, Report.Auc);

    /// <param name="logits">As the head gives them, row after row.</param>
    /// <param name="labels">One class index a row.</param>
    /// <param name="classes">Their names, in order.</param>
    /// <param name="calibration">The run's; null for a run of an earlier version, which has none.</param>
    /// <param name="seed">Of the resampling behind the intervals.</param>
    public static Judgement Of(
        ReadOnlySpan<float> logits, int[] labels, IReadOnlyList<string> classes, Calibration? calibration, long seed = 0)
    {
        calibration ??= new Calibration(1);
        var predictions = Predictions.FromLogits(logits, labels, classes.Count, calibration);
        return new Judgement(predictions, EvaluationReport.Of(predictions, classes, seed) with
        {
            Plain = PlainFigures.Of(logits, labels, classes.Count),
            Temperature = calibration.Temperature,
            Threshold = calibration.Threshold,
            ThresholdRule = calibration.ThresholdRule,
        });
    }
}
