namespace Headstart.Extraction.Quantization;

/// <summary>A channel's histogram as running sums, so that the error of any grid is found without going through the bins.</summary>
internal sealed class ChannelDistribution
{
    private readonly double _low;
    private readonly double _width;
    private readonly double[] _counts;
    private readonly double[] _sums;
    private readonly double[] _squares;

    /// <param name="low">The lower edge of the first bin.</param>
    /// <param name="high">The upper edge of the last.</param>
    /// <param name="bins">Values other than 0.</param>
    /// <param name="count">All values, zeros included.</param>
    public ChannelDistribution(double low, double high, int[] bins, long count)
    {
        Count = count;
        (Low, High) = (Math.Min(low, 0), Math.Max(high, 0));
        _low = low;
        _width = Math.Max((high - low) / bins.Length, 1e-30);
        _counts = new double[bins.Length + 1];
        _sums = new double[bins.Length + 1];
        _squares = new double[bins.Length + 1];
        for (var i = 0; i < bins.Length; i++)
        {
            var middle = low + ((i + 0.5) * _width);
            _counts[i + 1] = _counts[i] + bins[i];
            _sums[i + 1] = _sums[i] + (bins[i] * middle);
            _squares[i + 1] = _squares[i] + (bins[i] * middle * middle);
        }
    }

    /// <summary>The smallest value, or 0.</summary>
    public double Low { get; }

    /// <summary>The largest value, or 0.</summary>
    public double High { get; }

    public long Count { get; }

    public double Magnitude => Math.Max(-Low, High);

    /// <summary>The sum of squared errors when values are rounded to multiples of <paramref name="step"/> and clipped to a range.</summary>
    /// <param name="clipWeight">Counts the errors of clipping so many times.</param>
    /// <remarks>
    /// Values that round to 0 lose their square, those that are clipped their distance from the range, others a twelfth of the step's
    /// square.
    /// </remarks>
    public double SquaredError(double step, double from, double to, double clipWeight = 1)
    {
        var (below, above) = (Edge(from), Edge(to));
        var (zeroFrom, zeroTo) = (Math.Clamp(Edge(-step / 2), below, above), Math.Clamp(Edge(step / 2), below, above));
        var inside = Between(_counts, below, zeroFrom) + Between(_counts, zeroTo, above);
        return (clipWeight * (Clipped(0, below, from) + Clipped(above, _counts.Length - 1, to))) + Between(_squares, zeroFrom, zeroTo) +
            (inside * step * step / 12);
    }

    /// <summary>How many values lie farther from 0 than <paramref name="magnitude"/>.</summary>
    public double CountBeyond(double magnitude) =>
        Between(_counts, 0, Edge(-magnitude)) + Between(_counts, Edge(magnitude), _counts.Length - 1);

    private static double Between(double[] sums, int from, int to) => to > from ? sums[to] - sums[from] : 0;

    private double Clipped(int from, int to, double limit) =>
        Math.Max(0, Between(_squares, from, to) - (2 * limit * Between(_sums, from, to)) + (limit * limit * Between(_counts, from, to)));

    private int Edge(double value) => (int)Math.Clamp(Math.Round((value - _low) / _width), 0, _counts.Length - 1);
}
