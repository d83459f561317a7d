using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Headstart.Preprocessing;

/// <summary>PIL's antialiased bilinear, to the last bit: a triangle filter as wide as the reduction, across and then down.</summary>
/// <remarks>
/// Arithmetic as in Pillow's Resample.c: weights in double, then whole numbers of 2^-22; each pass rounds to whole grey levels. Only the
/// source rows and columns that the wanted part needs are read, and only as many rows are kept as one result row needs. Keeps its buffers;
/// one thread at a time.
/// </remarks>
internal sealed class PillowResizer
{
    private readonly PillowTaps _x = new();
    private readonly PillowTaps _y = new();
    private byte[] _rows = [];
    private byte[] _lastRow = [];

    /// <summary>Writes the three colour planes, each Y.Count x X.Count, row-major, whole numbers 0..255.</summary>
    public void Resize(RgbView image, ResizeGeometry geometry, Span<float> red, Span<float> green, Span<float> blue)
    {
        _x.Compute(geometry.X);
        _y.Compute(geometry.Y);
        var width = geometry.X.Count;
        // A plane's row is padded to whole vectors; a row is three planes; as many rows as one result row can need.
        var stride = (width + Vector<byte>.Count - 1) / Vector<byte>.Count * Vector<byte>.Count;
        var kept = Math.Min(_y.MaxTaps, image.Height);
        if (_rows.Length < checked(3 * stride * kept))
            _rows = new byte[3 * stride * kept];
        var next = _y.First[0];
        for (var y = 0; y < geometry.Y.Count; y++)
        {
            var (first, count) = (_y.First[y], _y.Count[y]);
            for (next = Math.Max(next, first); next < first + count; next++)
                Across(image, next, _rows.AsSpan(next % kept * 3 * stride, 3 * stride), stride);
            var weights = _y.Weights(y);
            Down(weights, first, kept, stride, 0, red.Slice(y * width, width));
            Down(weights, first, kept, stride, 1, green.Slice(y * width, width));
            Down(weights, first, kept, stride, 2, blue.Slice(y * width, width));
        }
    }

    /// <summary>Resizes one source row across into three planes of bytes.</summary>
    private void Across(RgbView image, int y, Span<byte> planes, int stride)
    {
        var source = image.From(y);
        if (source.Length < (3 * image.Width) + 1)
        {
            // Pixels are read four bytes at a time; the image's very last one has no fourth.
            if (_lastRow.Length < (3 * image.Width) + 1)
                _lastRow = new byte[(3 * image.Width) + 1];
            source[..(3 * image.Width)].CopyTo(_lastRow);
            source = _lastRow;
        }

        ref var from = ref MemoryMarshal.GetReference(source);
        var width = _x.Length;
        for (var x = 0; x < width; x++)
        {
            ref var pixel = ref Unsafe.Add(ref from, 3 * _x.First[x]);
            var sum = Vector128.Create(PillowTaps.Half);
            foreach (var weight in _x.Weights(x))
            {
                var bytes = Vector128.CreateScalar(Unsafe.ReadUnaligned<uint>(ref pixel)).AsByte();
                sum += Vector128.WidenLower(Vector128.WidenLower(bytes)).AsInt32() * weight;
                pixel = ref Unsafe.Add(ref pixel, 3);
            }

            sum = Vector128.Clamp(sum >> PillowTaps.Bits, Vector128<int>.Zero, Vector128.Create(255));
            planes[x] = (byte)sum[0];
            planes[stride + x] = (byte)sum[1];
            planes[(2 * stride) + x] = (byte)sum[2];
        }
    }

    /// <summary>One result row of one plane from the kept rows.</summary>
    private void Down(ReadOnlySpan<int> weights, int first, int kept, int stride, int plane, Span<float> to)
    {
        var top = new Vector<int>(255);
        for (var x = 0; x < to.Length; x += Vector<byte>.Count)
        {
            var a = new Vector<int>(PillowTaps.Half);
            var (b, c, d) = (a, a, a);
            for (var i = 0; i < weights.Length; i++)
            {
                var bytes = new Vector<byte>(_rows, ((((first + i) % kept * 3) + plane) * stride) + x);
                Vector.Widen(bytes, out var low, out var high);
                Vector.Widen(low, out var lowLow, out var lowHigh);
                Vector.Widen(high, out var highLow, out var highHigh);
                a += Vector.AsVectorInt32(lowLow) * weights[i];
                b += Vector.AsVectorInt32(lowHigh) * weights[i];
                c += Vector.AsVectorInt32(highLow) * weights[i];
                d += Vector.AsVectorInt32(highHigh) * weights[i];
            }

            Store(a, to[x..], 0);
            Store(b, to[x..], Vector<int>.Count);
            Store(c, to[x..], 2 * Vector<int>.Count);
            Store(d, to[x..], 3 * Vector<int>.Count);
        }

        void Store(Vector<int> sum, Span<float> row, int at)
        {
            var levels = Vector.ConvertToSingle(Vector.Min(Vector.Max(sum >> PillowTaps.Bits, Vector<int>.Zero), top));
            if (row.Length >= at + Vector<float>.Count)
                levels.CopyTo(row[at..]);
            else
                for (var i = 0; i < row.Length - at; i++)
                    row[at + i] = levels[i];
        }
    }
}
