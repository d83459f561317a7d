namespace Headstart.Extraction.Quantization;

/// <summary>Chooses the channel factors of a set of tensors that must share them.</summary>
/// <remarks>
/// One scale for a tensor leaves weak channels with few steps. Dividing each channel by its own strength, and multiplying the weights that
/// read it by the same, changes nothing in exact arithmetic and gives every channel as many steps; but the weights then differ more among
/// themselves, and are rounded too. So the strength is raised to a power between 0 and 1, and the power is the one for which the expected
/// error of the convolutions that read the tensors is the least. The idea is cross-layer equalisation (Nagel et al. 2019,
/// https://arxiv.org/abs/1906.04721), with the power of SmoothQuant (Xiao et al. 2022, https://arxiv.org/abs/2211.10438). A depthwise
/// convolution takes any factors without loss.
/// </remarks>
internal static class ChannelBalance
{
    private static readonly double[] Powers = [0, 0.25, 0.5, 0.75, 1];

    // Below this share of the strongest channel a channel is dead, and its factor would only spoil the weights.
    private const double Weakest = 1e-4;

    /// <param name="tensors">All that share the factors.</param>
    /// <param name="readers">The convolutions that read one of them.</param>
    /// <returns>Null where equal factors are best.</returns>
    public static float[]? Choose(
        IReadOnlyList<BalancedTensor> tensors, IReadOnlyList<(BalancedTensor Input, FloatConvolution Convolution)> readers, RangeRule rule,
        int limit)
    {
        var strengths = Strengths(tensors, rule);
        var largest = strengths.Max();
        if (largest <= 0)
            return null;
        var best = (Noise: double.PositiveInfinity, Factors: (float[]?)null);
        foreach (var power in Powers)
        {
            float[]? factors = power == 0 ? null : [.. strengths.Select(s => (float)Math.Pow(Math.Max(s / largest, Weakest), power))];
            var noise = Noise(tensors, readers, factors, rule, limit);
            if (noise < best.Noise)
                best = (noise, factors);
        }

        return best.Factors;
    }

    private static double[] Strengths(IReadOnlyList<BalancedTensor> tensors, RangeRule rule)
    {
        var strengths = new double[tensors[0].Channels.Count];
        Parallel.For(0, strengths.Length, c =>
        {
            foreach (var tensor in tensors)
            {
                var grid = RangeChoice.Choose([tensor.Channels[c]], null, rule);
                if (tensor.Channels[c].Magnitude > 0)
                    strengths[c] = Math.Max(strengths[c], grid.Scale * Math.Max((int)grid.ZeroPoint, 255 - grid.ZeroPoint));
            }
        });
        return strengths;
    }

    // The error that a reader's output, or a layer of the model, gets from rounding, beside its own mean square; summed over readers and
    // layers.
    private static double Noise(
        IReadOnlyList<BalancedTensor> tensors, IReadOnlyList<(BalancedTensor Input, FloatConvolution Convolution)> readers,
        float[]? factors, RangeRule rule, int limit)
    {
        var noise = 0.0;
        foreach (var tensor in tensors)
        {
            var grid = RangeChoice.Choose(tensor.Channels, factors, rule);
            var errors = tensor.Channels.Select((c, i) => RangeChoice.SquaredError(c, grid, i) / Math.Max(1, c.Count)).ToArray();
            if (tensor.IsLayer)
                noise += errors.Sum() / Math.Max(tensor.MeanSquares.Sum(), 1e-30);
            foreach (var (_, convolution) in readers.Where(r => r.Input == tensor))
            {
                var gains = Gains(convolution, tensor.Channels.Count);
                var signal = Dot(gains, tensor.MeanSquares);
                noise += (Dot(gains, errors) +
                    IntegerConvolution.RoundingNoise(convolution, grid, limit, tensor.MeanSquares)) / Math.Max(signal, 1e-30);
            }
        }

        return noise;
    }

    // The sum of the squares of the weights that read a channel.
    private static double[] Gains(FloatConvolution convolution, int channels)
    {
        var gains = new double[channels];
        var perOutput = convolution.Inputs * convolution.Area;
        for (var o = 0; o < convolution.Outputs; o++)
        {
            for (var i = 0; i < perOutput; i++)
            {
                var weight = (double)convolution.Kernel[(o * perOutput) + i];
                gains[convolution.FirstInput(o) + (i / convolution.Area)] += weight * weight;
            }
        }

        return gains;
    }

    private static double Dot(double[] a, double[] b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++)
            sum += a[i] * b[i];
        return sum;
    }
}

/// <summary>A tensor as <see cref="ChannelBalance"/> sees it.</summary>
/// <param name="Channels">What calibration saw.</param>
/// <param name="MeanSquares">Of each channel.</param>
/// <param name="IsLayer">Whether its values leave the integer graph, so that its own error counts.</param>
internal sealed record BalancedTensor(IReadOnlyList<ChannelDistribution> Channels, double[] MeanSquares, bool IsLayer);
