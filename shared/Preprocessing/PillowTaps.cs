namespace Headstart.Preprocessing;

/// <summary>For each result pixel of one axis, the source pixels that it is made of and their weights, as Pillow computes them.</summary>
internal sealed class PillowTaps
{
    /// <summary>A weight of 1 is 2^22: 32 bits less 8 for the pixel and 2 for the sum.</summary>
    public const int Bits = 22;

    /// <summary>One half, added so that the shift rounds.</summary>
    public const int Half = 1 << (Bits - 1);

    private ResizeAxis _axis;
    private int[] _weights = [];
    private double[] _exact = [];

    public int Length => _axis.Count;

    /// <summary>The most source pixels that one result pixel can need.</summary>
    public int MaxTaps { get; private set; }

    /// <summary>The first source pixel of each result pixel.</summary>
    public int[] First { get; private set; } = [];

    /// <summary>How many source pixels each result pixel has; at least 1.</summary>
    public int[] Count { get; private set; } = [];

    /// <summary>The weights of one result pixel, Count[i] of them.</summary>
    public ReadOnlySpan<int> Weights(int i) => _weights.AsSpan(i * MaxTaps, Count[i]);

    /// <param name="axis">What to compute; the same axis again costs nothing.</param>
    public void Compute(ResizeAxis axis)
    {
        if (axis == _axis)
            return;
        _axis = axis;
        var scale = (double)axis.Source / axis.Target;
        var filterScale = Math.Max(scale, 1.0);
        // The triangle is one pixel wide to each side, of the coarser of the two grids.
        var support = filterScale;
        MaxTaps = ((int)Math.Ceiling(support) * 2) + 1;
        if (First.Length != axis.Count)
            (First, Count) = (new int[axis.Count], new int[axis.Count]);
        if (_weights.Length < checked(axis.Count * MaxTaps))
            _weights = new int[axis.Count * MaxTaps];
        if (_exact.Length < MaxTaps)
            _exact = new double[MaxTaps];

        var inverse = 1.0 / filterScale;
        for (var i = 0; i < axis.Count; i++)
        {
            var centre = (axis.Start + i + 0.5) * scale;
            // A cast cuts toward zero, as in C.
            var first = Math.Max(0, (int)(centre - support + 0.5));
            var count = Math.Min(axis.Source, (int)(centre + support + 0.5)) - first;
            var total = 0.0;
            for (var t = 0; t < count; t++)
            {
                var distance = Math.Abs((t + first - centre + 0.5) * inverse);
                _exact[t] = distance < 1.0 ? 1.0 - distance : 0.0;
                total += _exact[t];
            }

            for (var t = 0; t < count; t++)
                _weights[(i * MaxTaps) + t] = (int)(0.5 + (total == 0 ? _exact[t] : _exact[t] / total) * (1 << Bits));
            (First[i], Count[i]) = (first, count);
        }
    }
}
