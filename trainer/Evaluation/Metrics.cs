namespace Headstart.Training.Evaluation;

/// <summary>Figures of merit of predictions. All take n x k log-probabilities, row-major, and n class indices; none depends on the order of the rows.</summary>
internal static class Metrics
{
    /// <summary>The fraction of rows whose most probable class is the true one; of equally probable ones the first counts.</summary>
    public static double Accuracy(ReadOnlySpan<double> logProbabilities, ReadOnlySpan<int> labels)
    {
        var classes = Classes(logProbabilities, labels);
        var right = 0;
        for (var i = 0; i < labels.Length; i++)
        {
            if (MostProbable(logProbabilities.Slice(i * classes, classes)) == labels[i])
                right++;
        }

        return (double)right / labels.Length;
    }

    /// <summary>The mean of -log p(true class), each row multiplied by its class's weight where there are weights: what Keras shows as the loss.</summary>
    /// <param name="logProbabilities">n x k.</param>
    /// <param name="labels">n.</param>
    /// <param name="classWeights">k, or none. The mean stays over rows, as in Keras; it is not divided by the sum of weights.</param>
    public static double LogLoss(ReadOnlySpan<double> logProbabilities, ReadOnlySpan<int> labels, ReadOnlySpan<double> classWeights = default)
    {
        var classes = Classes(logProbabilities, labels);
        var sum = 0.0;
        for (var i = 0; i < labels.Length; i++)
            sum -= logProbabilities[(i * classes) + labels[i]] * (classWeights.IsEmpty ? 1 : classWeights[labels[i]]);
        return sum / labels.Length;
    }

    /// <summary>How often each true class was predicted as each class: <c>confusion[true][predicted]</c>.</summary>
    public static int[][] Confusion(ReadOnlySpan<double> logProbabilities, ReadOnlySpan<int> labels)
    {
        var classes = Classes(logProbabilities, labels);
        var confusion = new int[classes][];
        for (var c = 0; c < classes; c++)
            confusion[c] = new int[classes];
        for (var i = 0; i < labels.Length; i++)
            confusion[labels[i]][MostProbable(logProbabilities.Slice(i * classes, classes))]++;
        return confusion;
    }

    internal static int Classes(ReadOnlySpan<double> logProbabilities, ReadOnlySpan<int> labels)
    {
        if (labels.IsEmpty || logProbabilities.Length % labels.Length != 0 || logProbabilities.Length < 2 * labels.Length)
            throw new ArgumentException($"{logProbabilities.Length} log-probabilities don't fit {labels.Length} labels", nameof(logProbabilities));
        return logProbabilities.Length / labels.Length;
    }

    private static int MostProbable(ReadOnlySpan<double> row)
    {
        var best = 0;
        for (var c = 1; c < row.Length; c++)
        {
            if (row[c] > row[best])
                best = c;
        }

        return best;
    }
}
