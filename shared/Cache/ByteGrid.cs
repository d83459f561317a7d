namespace Headstart.Cache;

/// <summary>How a layer's floats follow from the bytes that its network computed: <c>value = Scales[c] * (byte - ZeroPoint)</c>, c the channel.</summary>
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
                if ((uint)stored > byte.MaxValue || BitConverter.SingleToInt32Bits(steps * step) != BitConverter.SingleToInt32Bits(values[i]))
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
        {
            var step = (float)Scales[channel];
            var from = bytes.Slice(first, area);
            var to = values.Slice(first, area);
            for (var i = 0; i < from.Length; i++)
                to[i] = (from[i] - ZeroPoint) * step;
        }
    }
}
