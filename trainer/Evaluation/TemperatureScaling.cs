namespace Headstart.Trainer.Evaluation;

/// <summary>Finds the number to divide logits by, so that probabilities come true as often as they say.</summary>
/// <remarks>
/// Guo and others 2017: the temperature with the lowest log-loss on validation rows. The loss is convex in its inverse, so Newton's method,
/// kept between bounds that close in, finds the one minimum.
/// </remarks>
internal static class TemperatureScaling
{
    public const double Lowest = 0.05;
    public const double Highest = 20;
    private const double Rounding = 1e-12;
    private const int Iterations = 200;

    /// <param name="logits">One a row for two classes (above 0 means the second), otherwise one per class; row after row.</param>
    /// <param name="labels">One class index a row.</param>
    /// <param name="classes">At least 2.</param>
    /// <returns>
    /// From <see cref="Lowest"/> to <see cref="Highest"/>; 1 where the loss falls as far as <see cref="Lowest"/>: when every row is right,
    /// ever greater certainty would pay, and the rows don't say how much is justified.
    /// </returns>
    public static double Fit(ReadOnlySpan<float> logits, ReadOnlySpan<int> labels, int classes)
    {
        var (low, high) = (1 / Highest, 1 / Lowest);
        var largest = 0.0;
        foreach (var z in logits)
            largest = Math.Max(largest, Math.Abs(z));
        if (Slope(logits, labels, classes, high).First <= largest * Rounding)
            return 1;
        if (Slope(logits, labels, classes, low).First >= 0)
            return Highest;
        var inverse = 1.0;
        for (var i = 0; i < Iterations; i++)
        {
            var (first, second) = Slope(logits, labels, classes, inverse);
            if (first < 0)
                low = inverse;
            else
                high = inverse;
            var next = inverse - (first / second);
            if (!(next > low && next < high))
                next = (low + high) / 2;
            if (Math.Abs(next - inverse) <= 1e-15 * inverse || first == 0)
                break;
            inverse = next;
        }

        return 1 / inverse;
    }

    // The first two derivatives of the mean loss by the inverse temperature: E[z] - z(true), and the variance of z, under the
    // probabilities.
    private static (double First, double Second) Slope(ReadOnlySpan<float> logits, ReadOnlySpan<int> labels, int classes, double inverse)
    {
        var (first, second) = (0.0, 0.0);
        var outputs = classes == 2 ? 1 : classes;
        for (var i = 0; i < labels.Length; i++)
        {
            var row = logits.Slice(i * outputs, outputs);
            double maximum = outputs == 1 ? Math.Max(0, row[0]) : row[0];
            foreach (var z in row)
                maximum = Math.Max(maximum, z);

            // Two classes are a softmax over 0 and the one logit.
            var (sum, mean, square) = outputs == 1 ? (Math.Exp(-inverse * maximum), 0.0, 0.0) : (0.0, 0.0, 0.0);
            foreach (var z in row)
            {
                var p = Math.Exp(inverse * (z - maximum));
                sum += p;
                mean += p * z;
                square += p * z * z;
            }

            mean /= sum;
            first += mean - (outputs == 1 ? labels[i] * row[0] : row[labels[i]]);
            second += Math.Max(0, (square / sum) - (mean * mean));
        }

        return (first / labels.Length, second / labels.Length);
    }
}
