namespace Headstart.Trainer.Evaluation;

/// <summary>Where the true figure lies, at 95 % confidence.</summary>
internal readonly record struct Interval(double Low, double High)
{
    public const double Confidence = 0.95;

    /// <summary>Of a mean over classes, from their intervals: too wide rather than too narrow, as they are hardly all off in one
    /// direction.</summary>
    /// <param name="intervals">Of every class that is in the mean; one that is missing leaves nothing to say.</param>
    public static Interval? Mean(IEnumerable<Interval?> intervals)
    {
        var all = intervals.ToList();
        var known = all.OfType<Interval>().ToList();
        return all.Count > 0 && known.Count == all.Count ? new Interval(known.Average(i => i.Low), known.Average(i => i.High)) : null;
    }

    /// <summary>Wilson's score interval (1927) of a fraction: it says something where all trials ended alike, and a resampling
    /// can't.</summary>
    /// <param name="fraction">Of the trials that succeeded.</param>
    /// <param name="trials">Independent ones; without any there is no interval.</param>
    public static Interval? Wilson(double fraction, long trials)
    {
        if (trials <= 0)
            return null;
        var z = NormalDistribution.Quantile((1 + Confidence) / 2);
        var scale = 1 / (1 + (z * z / trials));
        var middle = (fraction + (z * z / (2.0 * trials))) * scale;
        var half = z * Math.Sqrt((fraction * (1 - fraction) / trials) + (z * z / (4.0 * trials * trials))) * scale;
        return new Interval(fraction <= 0 ? 0 : middle - half, fraction >= 1 ? 1 : middle + half);
    }
}
