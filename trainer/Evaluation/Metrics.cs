namespace Headstart.Trainer.Evaluation;

/// <summary>
/// Figures of merit of predictions. All take n x k log-probabilities, row-major, and n class indices; none depends on the order of the
/// rows.
/// </summary>
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

    /// <summary>
    /// The mean of -log p(true class), each row multiplied by its class's weight where there are weights: what Keras shows as the loss.
    /// </summary>
    /// <param name="logProbabilities">n x k.</param>
    /// <param name="labels">n.</param>
    /// <param name="classWeights">k, or none. The mean stays over rows, as in Keras; it is not divided by the sum of weights.</param>
    public static double LogLoss(
        ReadOnlySpan<double> logProbabilities, ReadOnlySpan<int> labels, ReadOnlySpan<double> classWeights = default)
    {
        var classes = Classes(logProbabilities, labels);
        var sum = 0.0;
        for (var i = 0; i < labels.Length; i++)
            sum -= logProbabilities[(i * classes) + labels[i]] * (classWeights.IsEmpty ? 1 : classWeights[labels[i]]);
        return sum / labels.Length;
    }

    /// <summary>How often each true class was taken for each class: <c>confusion[true][decided]</c>.</summary>
    /// <param name="labels">n class indices.</param>
    /// <param name="decided">n class indices.</param>
    /// <param name="classes">How many there are.</param>
    public static int[][] Confusion(ReadOnlySpan<int> labels, ReadOnlySpan<int> decided, int classes)
    {
        var confusion = new int[classes][];
        for (var c = 0; c < classes; c++)
            confusion[c] = new int[classes];
        for (var i = 0; i < labels.Length; i++)
            confusion[labels[i]][decided[i]]++;
        return confusion;
    }

    internal static int Classes(ReadOnlySpan<double> logProbabilities, ReadOnlySpan<int> labels)
    {
        if (labels.IsEmpty || logProbabilities.Length % labels.Length != 0 || logProbabilities.Length < 2 * labels.Length)
            throw new ArgumentException(
                $"{logProbabilities.Length} log-probabilities don't fit {labels.Length} labels", nameof(logProbabilities));
        return logProbabilities.Length / labels.Length;
    }

    /// <summary>The class with the highest value; of equal ones the first.</summary>
    internal static int MostProbable(ReadOnlySpan<double> row)
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
