namespace Headstart.Trainer.Evaluation;

/// <summary>
/// How far figures could be from the truth by chance: they are computed again and again from rows drawn, with repetition, from the rows.
/// </summary>
/// <remarks>
/// Efron's bootstrap with bias-corrected percentiles (Efron and Tibshirani 1993, chapter 14, without acceleration): plain percentiles where
/// the resamples lie evenly around the figure, as accuracy's do, and moved where they don't, as those of the calibration error, which every
/// resampling raises.
/// </remarks>
internal sealed class Bootstrap
{
    private readonly double[][] _replicates;

    private Bootstrap(double[][] replicates) => _replicates = replicates;

    /// <summary>Computes the figures of an equal number of rows, drawn.</summary>
    public delegate void Computation(ReadOnlySpan<int> weights, Span<double> figures);

    /// <param name="rows">How many there are, and are drawn each time.</param>
    /// <param name="figures">How many figures there are.</param>
    /// <param name="resamples">How often.</param>
    /// <param name="seed">Equal seeds draw equally, whatever the number of threads.</param>
    /// <param name="compute">Called by several threads at a time.</param>
    public static Bootstrap Draw(int rows, int figures, int resamples, long seed, Computation compute)
    {
        var replicates = new double[figures][];
        for (var f = 0; f < figures; f++)
            replicates[f] = new double[resamples];
        Parallel.For(0, resamples, () => (Weights: new int[rows], Figures: new double[figures]), (r, _, own) =>
        {
            var random = new SeededRandom(seed, "bootstrap", r);
            Array.Clear(own.Weights);
            for (var i = 0; i < rows; i++)
            {
                // The high half of a product is uniform to within rows / 2^32, and needs no division.
                own.Weights[(int)(((random.NextBits() >> 32) * (ulong)rows) >> 32)]++;
            }

            compute(own.Weights, own.Figures);
            for (var f = 0; f < figures; f++)
                replicates[f][r] = own.Figures[f];
            return own;
        }, _ => { });
        return new Bootstrap(replicates);
    }

    /// <summary>The interval of one figure.</summary>
    /// <param name="figure">Its place.</param>
    /// <param name="estimate">The figure of the rows themselves; the interval holds it.</param>
    /// <returns>Null where resampling says nothing: it is undefined for most resamples, or the same for all.</returns>
    public Interval? IntervalOf(int figure, double estimate)
    {
        var sorted = _replicates[figure].Where(double.IsFinite).Order().ToArray();
        if (!double.IsFinite(estimate) || sorted.Length <= _replicates[figure].Length / 2 || sorted[0] == sorted[^1])
            return null;
        var below = sorted.Count(v => v < estimate) + (sorted.Count(v => v == estimate) / 2.0);
        var shift = 2 * NormalDistribution.Quantile(Math.Clamp(below, 0.5, sorted.Length - 0.5) / sorted.Length);
        var reach = NormalDistribution.Quantile((1 + Interval.Confidence) / 2);
        return new Interval(Math.Min(estimate, At(shift - reach)), Math.Max(estimate, At(shift + reach)));

        double At(double deviations)
        {
            var place = NormalDistribution.Cdf(deviations) * (sorted.Length - 1);
            var first = Math.Min((int)place, sorted.Length - 2);
            return sorted[first] + ((place - first) * (sorted[first + 1] - sorted[first]));
        }
    }
}
