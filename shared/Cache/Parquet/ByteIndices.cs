using System.Buffers.Binary;

namespace Headstart.Cache.Parquet;

/// <summary>Bytes in a Parquet column of UINT8, one byte each.</summary>
/// <remarks>
/// Parquet has no value of one byte: plain ones take four. But a dictionary of the 256 numbers, in their order, makes each byte its own
/// index, and indices of 8 bits are stored one after the other. So the page holds the bytes as they are, and every reader sees small whole
/// numbers.
/// </remarks>
internal static class ByteIndices
{
    public const int Entries = 256;

    /// <summary>Packed indices come in groups of eight; the last group is filled up with zeros.</summary>
    public const int Group = 8;

    /// <summary>The width of an index, then one run's head: a varint.</summary>
    public const int LongestHead = 1 + 5;

    private const byte Width = 8;

    /// <summary>The dictionary's page: 0 to 255 as little-endian 32-bit integers.</summary>
    public static ReadOnlySpan<byte> Dictionary => Numbers;

    private static readonly byte[] Numbers = CreateNumbers();

    /// <summary>Writes what stands in a page after its levels.</summary>
    /// <returns>Its length.</returns>
    public static int Write(Span<byte> page, ReadOnlySpan<byte> values)
    {
        var head = WriteHead(page, values.Length);
        values.CopyTo(page[head..]);
        var end = head + values.Length;
        var filled = Padding(values.Length);
        page.Slice(end, filled).Clear();
        return end + filled;
    }

    /// <summary>The bytes before the first value; the run of packed indices has one head for all.</summary>
    /// <param name="destination">At least <see cref="LongestHead"/> bytes.</param>
    /// <param name="count">The number of values.</param>
    public static int WriteHead(Span<byte> destination, int count)
    {
        destination[0] = Width;
        var at = 1;
        var head = ((uint)(count + Group - 1) / Group << 1) | 1;
        for (; head > 127; head >>= 7)
            destination[at++] = (byte)(head | 128);
        destination[at++] = (byte)head;
        return at;
    }

    /// <summary>What <see cref="Write"/> takes.</summary>
    public static int Length(int count)
    {
        Span<byte> head = stackalloc byte[LongestHead];
        return WriteHead(head, count) + count + Padding(count);
    }

    /// <summary>The bytes after the last value.</summary>
    public static int Padding(int count) => -count & (Group - 1);

    private static byte[] CreateNumbers()
    {
        var numbers = new byte[Entries * sizeof(int)];
        for (var i = 0; i < Entries; i++)
            BinaryPrimitives.WriteInt32LittleEndian(numbers.AsSpan(i * sizeof(int)), i);
        return numbers;
    }
}
