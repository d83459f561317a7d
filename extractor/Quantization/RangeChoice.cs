namespace Headstart.Extraction.Quantization;

/// <summary>From what calibration saw of a tensor to its grid.</summary>
internal static class RangeChoice
{
    private const double Percentile = 0.999;

    // Rounding errors are independent and average out in the sums that read them; what is clipped is missing from the strongest values, all
    // on one side.
    // Of 1, 2, 3, 4, 8, 16 and 64, tried on VGG16's blocks 1-3 and both MobileNets, 2 to 4 came out best.
    private const double ClipWeight = 3;

    // Clips that are tried, as fractions of the whole range.
    private static readonly double[] Fractions = [.. Enumerable.Range(0, 181).Select(i => 0.1 + (i * 0.005))];

    /// <summary>The grid of a tensor whose channels are divided by <paramref name="factors"/> first.</summary>
    public static Grid Choose(IReadOnlyList<ChannelDistribution> channels, float[]? factors, RangeRule rule)
    {
        var low = channels.Select((c, i) => c.Low / Factor(factors, i)).Min();
        var high = channels.Select((c, i) => c.High / Factor(factors, i)).Max();
        switch (rule)
        {
            case RangeRule.MinMax:
                return Grid.Over(low, high, factors);
            case RangeRule.Percentile:
                var magnitude = PercentileMagnitude(channels, factors, Math.Max(-low, high));
                return Grid.Over(Math.Max(low, -magnitude), Math.Min(high, magnitude), factors);
            default:
                var best = Fractions.MinBy(f => SquaredError(channels, Grid.Over(low * f, high * f, factors), ClipWeight));
                return Grid.Over(low * best, high * best, factors);
        }
    }

    /// <summary>The sum of squared errors of a grid over all channels.</summary>
    public static double SquaredError(IReadOnlyList<ChannelDistribution> channels, Grid grid, double clipWeight = 1)
    {
        var sum = 0.0;
        for (var c = 0; c < channels.Count; c++)
            sum += SquaredError(channels[c], grid, c, clipWeight);
        return sum;
    }

    /// <summary>The sum of squared errors of a grid over one channel.</summary>
    public static double SquaredError(ChannelDistribution channel, Grid grid, int index, double clipWeight = 1)
    {
        var step = (double)grid.Step(index);
        return channel.SquaredError(step, -grid.ZeroPoint * step, (255 - grid.ZeroPoint) * step, clipWeight);
    }

    private static double PercentileMagnitude(IReadOnlyList<ChannelDistribution> channels, float[]? factors, double largest)
    {
        var allowed = (1 - Percentile) * channels.Sum(c => c.Count);
        var (low, high) = (0.0, largest);
        for (var i = 0; i < 40; i++)
        {
            var middle = (low + high) / 2;
            var beyond = channels.Select((c, index) => c.CountBeyond(middle * Factor(factors, index))).Sum();
            (low, high) = beyond > allowed ? (middle, high) : (low, middle);
        }

        return high;
    }

    private static double Factor(float[]? factors, int channel) => factors is null ? 1 : factors[channel];
}
