namespace Headstart.Trainer.Evaluation;

/// <summary>
/// The expected calibration error: rows are put into 15 bins of equal width by their confidence, the probability of the most probable
/// class; in each bin the mean confidence is compared with the fraction that is right, and the differences are averaged over the rows.
/// </summary>
/// <remarks>
/// Naeini and others 2015, as in Guo and others 2017. A bin holds its upper edge. A threshold decides nothing here: confidence is about the
/// most probable class. Few rows raise it: even perfect probabilities miss the fraction in a bin by chance.
/// </remarks>
internal sealed class CalibrationError
{
    public const int Bins = 15;

    private readonly byte[] _bin;
    private readonly double[] _gap;

    public CalibrationError(Predictions predictions)
    {
        _bin = new byte[predictions.Labels.Length];
        _gap = new double[predictions.Labels.Length];
        for (var i = 0; i < _bin.Length; i++)
        {
            var row = predictions.Row(i);
            var best = Metrics.MostProbable(row);
            var confidence = Math.Exp(row[best]);
            _bin[i] = (byte)Math.Clamp((int)Math.Ceiling(confidence * Bins) - 1, 0, Bins - 1);
            _gap[i] = (best == predictions.Labels[i] ? 1 : 0) - confidence;
        }
    }

    /// <param name="weights">How often each row counts, by row.</param>
    public double Of(ReadOnlySpan<int> weights)
    {
        Span<double> gaps = stackalloc double[Bins];
        gaps.Clear();
        var rows = 0L;
        for (var i = 0; i < weights.Length; i++)
        {
            rows += weights[i];
            gaps[_bin[i]] += weights[i] * _gap[i];
        }

        var sum = 0.0;
        foreach (var gap in gaps)
            sum += Math.Abs(gap);
        return sum / rows;
    }
}
