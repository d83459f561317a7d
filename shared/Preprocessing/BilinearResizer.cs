using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Headstart.Preprocessing;

/// <summary>
/// Bilinear interpolation at half-pixel centres, without antialiasing and without rounding: TensorFlow's <c>tf.image.resize</c>.
/// </summary>
/// <remarks>
/// Coordinates as torch computes them, in double from a scale that was rounded to float32: in pictures of 1,800 pixels, coordinates in
/// float32 alone are worth a hundredth of a grey level. The rest in float32. Keeps its buffers; one thread at a time.
/// </remarks>
internal sealed class BilinearResizer
{
    private readonly Taps _x = new();
    private readonly Taps _y = new();
    private float[] _upper = [];
    private float[] _lower = [];

    /// <summary>Writes the three colour planes, each Y.Count x X.Count, row-major, 0..255.</summary>
    public void Resize(RgbView image, ResizeGeometry geometry, Span<float> red, Span<float> green, Span<float> blue)
    {
        _x.Compute(geometry.X, step: 3);
        _y.Compute(geometry.Y, step: 1);
        var width = geometry.X.Count;
        if (_upper.Length != 3 * width)
            (_upper, _lower) = (new float[3 * width], new float[3 * width]);
        var (upperIs, lowerIs) = (-1, -1);
        for (var y = 0; y < geometry.Y.Count; y++)
        {
            var (y0, y1) = (_y.First[y], _y.Second[y]);
            if (y0 == lowerIs)
                (_upper, _lower, upperIs, lowerIs) = (_lower, _upper, lowerIs, upperIs);
            if (y0 != upperIs)
                Row(image, upperIs = y0, _upper);
            if (y1 != y0 && y1 != lowerIs)
                Row(image, lowerIs = y1, _lower);
            var lower = y1 == y0 ? _upper : _lower;
            var row = y * width;
            Blend(_upper.AsSpan(0, width), lower.AsSpan(0, width), _y.Weight[y], red.Slice(row, width));
            Blend(_upper.AsSpan(width, width), lower.AsSpan(width, width), _y.Weight[y], green.Slice(row, width));
            Blend(_upper.AsSpan(2 * width, width), lower.AsSpan(2 * width, width), _y.Weight[y], blue.Slice(row, width));
        }
    }

    /// <summary>Resizes one row across: three planes of X.Count.</summary>
    private void Row(RgbView image, int y, Span<float> planes)
    {
        var source = image.From(y);
        var width = _x.Count;
        var red = planes[..width];
        var green = planes.Slice(width, width);
        var blue = planes.Slice(2 * width, width);
        var x = 0;
        // A gathered pixel is read as four bytes. The image's very last pixel has no fourth: its row goes the plain way.
        if (Avx2.IsSupported && source.Length > 3 * image.Width)
            x = RowByGather(source, red, green, blue);
        for (; x < width; x++)
        {
            var (a, b, weight) = (_x.First[x], _x.Second[x], _x.Weight[x]);
            red[x] = source[a] + ((source[b] - source[a]) * weight);
            green[x] = source[a + 1] + ((source[b + 1] - source[a + 1]) * weight);
            blue[x] = source[a + 2] + ((source[b + 2] - source[a + 2]) * weight);
        }
    }

    private unsafe int RowByGather(ReadOnlySpan<byte> source, Span<float> red, Span<float> green, Span<float> blue)
    {
        var mask = Vector256.Create(0xFF);
        var whole = _x.Count & ~7;
        fixed (byte* from = source)
        {
            for (var x = 0; x < whole; x += 8)
            {
                var a = Avx2.GatherVector256((int*)from, Vector256.Create<int>(_x.First.AsSpan(x, 8)), 1);
                var b = Avx2.GatherVector256((int*)from, Vector256.Create<int>(_x.Second.AsSpan(x, 8)), 1);
                var weight = Vector256.Create<float>(_x.Weight.AsSpan(x, 8));
                Mix(a & mask, b & mask, weight).CopyTo(red[x..]);
                Mix((a >> 8) & mask, (b >> 8) & mask, weight).CopyTo(green[x..]);
                Mix((a >> 16) & mask, (b >> 16) & mask, weight).CopyTo(blue[x..]);
            }
        }

        return whole;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Mix(Vector256<int> a, Vector256<int> b, Vector256<float> weight) =>
        Vector256.ConvertToSingle(a) + (Vector256.ConvertToSingle(b - a) * weight);

    private static void Blend(ReadOnlySpan<float> upper, ReadOnlySpan<float> lower, float weight, Span<float> to)
    {
        var a = MemoryMarshal.Cast<float, Vector<float>>(upper);
        var b = MemoryMarshal.Cast<float, Vector<float>>(lower);
        var into = MemoryMarshal.Cast<float, Vector<float>>(to);
        for (var i = 0; i < into.Length; i++)
            into[i] = a[i] + ((b[i] - a[i]) * weight);
        for (var i = into.Length * Vector<float>.Count; i < to.Length; i++)
            to[i] = upper[i] + ((lower[i] - upper[i]) * weight);
    }

    /// <summary>The two source pixels of each result pixel and how much the second one counts.</summary>
    private sealed class Taps
    {
        private ResizeAxis _axis;

        public int Count => _axis.Count;

        public int[] First { get; private set; } = [];

        public int[] Second { get; private set; } = [];

        public float[] Weight { get; private set; } = [];

        /// <param name="axis">What to compute; the same axis again costs nothing.</param>
        /// <param name="step">Index distance of neighbouring pixels.</param>
        public void Compute(ResizeAxis axis, int step)
        {
            if (axis == _axis)
                return;
            _axis = axis;
            if (First.Length != axis.Count)
                (First, Second, Weight) = (new int[axis.Count], new int[axis.Count], new float[axis.Count]);
            double scale = axis.Source / (float)axis.Target;
            for (var i = 0; i < axis.Count; i++)
            {
                var centre = ((axis.Start + i + 0.5) * scale) - 0.5;
                var floor = Math.Floor(centre);
                First[i] = (int)Math.Clamp(floor, 0, axis.Source - 1) * step;
                Second[i] = (int)Math.Clamp(floor + 1, 0, axis.Source - 1) * step;
                Weight[i] = (float)(centre - floor);
            }
        }
    }
}
