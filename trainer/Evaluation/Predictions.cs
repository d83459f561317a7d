namespace Headstart.Trainer.Evaluation;

/// <summary>What a head says of labelled rows: probabilities, and the class that it decides for.</summary>
internal sealed class Predictions
{
    /// <summary>Where the second of two classes is decided for when nothing else was asked for: where it is the more probable
    /// one.</summary>
    public const double EvenThreshold = 0.5;

    private readonly double[] _logProbabilities;

    /// <param name="logProbabilities">n x k, row-major.</param>
    /// <param name="labels">n class indices; at least one.</param>
    /// <param name="threshold">For two classes: the second is decided for where its probability is above this, between 0 and 1. Otherwise
    /// without meaning.</param>
    public Predictions(double[] logProbabilities, int[] labels, double threshold = EvenThreshold)
    {
        Classes = Metrics.Classes(logProbabilities, labels);
        _logProbabilities = logProbabilities;
        Labels = labels;
        Threshold = Classes == 2 ? threshold : null;
        Decided = Classes == 2 ? DecideAbove(threshold) : [.. labels.Select((_, i) => Metrics.MostProbable(Row(i)))];
    }

    public int Classes { get; }

    public int[] Labels { get; }

    public ReadOnlySpan<double> LogProbabilities => _logProbabilities;

    /// <summary>Above which probability the second of two classes is decided for; null for more classes.</summary>
    public double? Threshold { get; }

    /// <summary>The class decided for, one a row. Of equally probable ones the first.</summary>
    public int[] Decided { get; }

    /// <param name="logits">As the head gives them, row after row.</param>
    /// <param name="labels">One class index a row.</param>
    /// <param name="classes">At least 2.</param>
    /// <param name="calibration">The temperature to divide by and the threshold to decide by; none for the head as it was trained.</param>
    public static Predictions FromLogits(ReadOnlySpan<float> logits, int[] labels, int classes, Calibration? calibration = null) =>
        new(Evaluation.LogProbabilities.FromLogits(logits, classes, calibration?.Temperature ?? 1), labels,
            calibration?.Threshold ?? EvenThreshold);

    /// <summary>The logarithms of one row's probabilities, one a class.</summary>
    public ReadOnlySpan<double> Row(int index) => _logProbabilities.AsSpan(index * Classes, Classes);

    /// <summary>How far the second of two classes is ahead, in log-odds.</summary>
    public double LogOdds(int row) => _logProbabilities[(2 * row) + 1] - _logProbabilities[2 * row];

    // In log-odds, because a probability near 1 has few bits left, and because at 0.5 this is exactly "more probable than the other".
    private int[] DecideAbove(double threshold)
    {
        var logOdds = Math.Log(threshold / (1 - threshold));
        var decided = new int[Labels.Length];
        for (var i = 0; i < decided.Length; i++)
            decided[i] = LogOdds(i) > logOdds ? 1 : 0;
        return decided;
    }
}
