using System.Numerics.Tensors;

namespace Headstart.Extraction.Quantization;

/// <summary>What calibration has seen of one tensor, channel by channel. Its size depends on the channels, not on the pictures.</summary>
/// <remarks>
/// Two passes: <see cref="AddRange"/> for every picture, then <see cref="AddValues"/> for every picture, because the bins of a channel lie
/// between its smallest and its largest value. Safe for several threads as long as each has channels of its own.
/// </remarks>
internal sealed class ChannelHistograms
{
    public const int Bins = 1024;

    private readonly double[] _sum;
    private readonly double[] _squares;
    private readonly float[] _low;
    private readonly float[] _high;
    private readonly long[] _count;
    private readonly int[][] _bins;

    public ChannelHistograms(int channels)
    {
        _sum = new double[channels];
        _squares = new double[channels];
        _low = new float[channels];
        _high = new float[channels];
        _count = new long[channels];
        _bins = new int[channels][];
        Array.Fill(_low, float.PositiveInfinity);
        Array.Fill(_high, float.NegativeInfinity);
    }

    public int Channels => _sum.Length;

    /// <summary>The mean of each channel.</summary>
    public double[] Means => [.. _sum.Select((s, c) => s / Math.Max(1, _count[c]))];

    /// <summary>The mean square of each channel.</summary>
    public double[] MeanSquares => [.. _squares.Select((s, c) => s / Math.Max(1, _count[c]))];

    public float Low(int channel) => _low[channel];

    public float High(int channel) => _high[channel];

    public long Count(int channel) => _count[channel];

    /// <summary>Whether every value so far was a finite number.</summary>
    public bool IsFinite => _squares.All(double.IsFinite);

    /// <summary>The first pass.</summary>
    public void AddRange(int channel, ReadOnlySpan<float> values)
    {
        _low[channel] = Math.Min(_low[channel], TensorPrimitives.Min(values));
        _high[channel] = Math.Max(_high[channel], TensorPrimitives.Max(values));
        _sum[channel] += TensorPrimitives.Sum(values);
        _squares[channel] += TensorPrimitives.SumOfSquares(values);
        _count[channel] += values.Length;
    }

    /// <summary>The second pass. Zeros are not binned: every grid says them exactly.</summary>
    public void AddValues(int channel, ReadOnlySpan<float> values)
    {
        var bins = _bins[channel] ??= new int[Bins];
        var low = _low[channel];
        var perUnit = Bins / (_high[channel] - low);
        if (!float.IsFinite(perUnit))
            perUnit = 0;
        foreach (var value in values)
        {
            if (value == 0)
                continue;
            var bin = (int)((value - low) * perUnit);
            bins[Math.Clamp(bin, 0, Bins - 1)]++;
        }
    }

    /// <summary>One channel's sums, to be asked for errors.</summary>
    public ChannelDistribution Distribution(int channel) =>
        new(_low[channel], _high[channel], _bins[channel] ?? new int[Bins], _count[channel]);
}
