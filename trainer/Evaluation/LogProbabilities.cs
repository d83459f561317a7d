namespace Headstart.Trainer.Evaluation;

/// <summary>
/// Turns logits into logarithms of probabilities: n x k, row-major, in double, without overflow and without rounding to 0 or 1.
/// </summary>
internal static class LogProbabilities
{
    /// <param name="logits">One a row for two classes (above 0 means the second), otherwise one per class; row after row.</param>
    /// <param name="classes">At least 2.</param>
    /// <param name="temperature">Logits are divided by it first.</param>
    /// <returns>One value per row and class; exp of each row sums to 1.</returns>
    public static double[] FromLogits(ReadOnlySpan<float> logits, int classes, double temperature = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 2);
        return classes == 2 ? FromOneLogit(logits, temperature) : Softmax(logits, classes, temperature);
    }

    private static double[] FromOneLogit(ReadOnlySpan<float> logits, double temperature)
    {
        var result = new double[logits.Length * 2];
        for (var i = 0; i < logits.Length; i++)
        {
            result[2 * i] = -SoftPlus(logits[i] / temperature);
            result[(2 * i) + 1] = -SoftPlus(-logits[i] / temperature);
        }

        return result;
    }

    private static double[] Softmax(ReadOnlySpan<float> logits, int classes, double temperature)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(logits.Length % classes, 0, nameof(logits));
        var result = new double[logits.Length];
        for (var start = 0; start < logits.Length; start += classes)
        {
            var row = logits.Slice(start, classes);
            double maximum = row[0];
            foreach (var z in row)
                maximum = Math.Max(maximum, z);
            var sum = 0.0;
            foreach (var z in row)
                sum += Math.Exp((z - maximum) / temperature);
            var logSum = Math.Log(sum);
            for (var c = 0; c < classes; c++)
                result[start + c] = ((row[c] - maximum) / temperature) - logSum;
        }

        return result;
    }

    // log(1 + e^x)
    private static double SoftPlus(double x) => Math.Max(x, 0) + LogOnePlus(Math.Exp(-Math.Abs(x)));

    // log(1 + x), exact where 1 + x rounds (Kahan; Goldberg 1991, theorem 4).
    private static double LogOnePlus(double x)
    {
        var sum = 1 + x;
        return sum == 1 ? x : Math.Log(sum) * x / (sum - 1);
    }
}
