using System.Runtime.Intrinsics;

namespace Headstart.Cache;

/// <summary>
/// How a layer's floats follow from the bytes that its network computed: <c>value = Scales[c] * (byte - ZeroPoint)</c>, c the channel.
/// </summary>
/// <param name="ZeroPoint">The byte that stands for 0; from 0 to 255.</param>
/// <param name="Scales">One for each channel; each is a float32, written out as a double so that no reader of JSON rounds it twice.</param>
public sealed record ByteGrid(byte ZeroPoint, IReadOnlyList<double> Scales)
{
    /// <summary>Finds the bytes of one row.</summary>
    /// <param name="values">C x H x W floats.</param>
    /// <param name="bytes">As many bytes.</param>
    /// <returns>False where a value is none that <see cref="Decode"/> gives, to the last bit.</returns>
    internal bool TryEncode(ReadOnlySpan<float> values, Span<byte> bytes)
    {
        var area = values.Length / Scales.Count;
        for (var channel = 0; channel < Scales.Count; channel++)
        {
            var step = (float)Scales[channel];
            for (var i = channel * area; i < (channel + 1) * area; i++)
            {
                // An infinity or NaN becomes some number, and fails the comparison.
                var steps = (int)MathF.Round(values[i] / step);
                var stored = steps + ZeroPoint;
                if ((uint)stored > byte.MaxValue
                    || BitConverter.SingleToInt32Bits(steps * step) != BitConverter.SingleToInt32Bits(values[i]))
                    return false;
                bytes[i] = (byte)stored;
            }
        }

        return true;
    }

    /// <summary>Gives the floats that the network gave: the same product, rounded once.</summary>
    /// <param name="bytes">Whole rows.</param>
    /// <param name="length">Values in a row.</param>
    /// <param name="values">As many floats as bytes.</param>
    internal void Decode(ReadOnlySpan<byte> bytes, int length, Span<float> values)
    {
        var area = length / Scales.Count;
        for (int first = 0, channel = 0; first < bytes.Length; first += area, channel = (channel + 1) % Scales.Count)
            Multiply(bytes.Slice(first, area), values.Slice(first, area), (float)Scales[channel]);
    }

    private void Multiply(ReadOnlySpan<byte> bytes, Span<float> values, float step)
    {
        var i = 0;
        for (; i <= bytes.Length - Vector128<byte>.Count; i += Vector128<byte>.Count)
        {
            var (low, high) = Vector128.Widen(Vector128.Create(bytes.Slice(i, Vector128<byte>.Count)));
            Multiply(low, values[i..], step);
            Multiply(high, values[(i + Vector128<ushort>.Count)..], step);
        }

        for (; i < bytes.Length; i++)
            values[i] = (bytes[i] - ZeroPoint) * step;
    }

    private void Multiply(Vector128<ushort> bytes, Span<float> values, float step)
    {
        var (low, high) = Vector128.Widen(bytes);
        var zero = Vector128.Create((int)ZeroPoint);
        (Vector128.ConvertToSingle(low.AsInt32() - zero) * step).CopyTo(values);
        (Vector128.ConvertToSingle(high.AsInt32() - zero) * step).CopyTo(values[Vector128<float>.Count..]);
    }
}
