namespace Headstart.Cache.Parquet;

/// <summary>
/// The levels that tell where lists begin and what is null, as Parquet stores them: runs of one level, or levels packed bit by bit.
/// </summary>
/// <remarks>
/// Rows of equal length without nulls have one regular pattern, so the runs are compared with it as they are. Written out, as Parquet.Net
/// does it, they are twice as large as the features.
/// </remarks>
internal static class LevelRuns
{
    /// <summary>
    /// The definition level of a value that is there: Parquet.Net's lists are always optional, so with a required element it is 2.
    /// </summary>
    public const int PresentElement = 2;

    /// <summary>Whether these are repetition levels of whole rows: 0 begins a row's list, 1 continues it.</summary>
    /// <param name="runs">The encoded levels.</param>
    /// <param name="count">How many levels they must be.</param>
    /// <param name="first">The number of the first, counted over the column.</param>
    /// <param name="length">Values in a row.</param>
    /// <exception cref="InvalidDataException">The runs are not <paramref name="count"/> levels.</exception>
    public static bool AreRows(ReadOnlySpan<byte> runs, int count, long first, int length) =>
        Walk(runs, count, bits: 1, (level, from, many) => level switch
        {
            0 => (first + from) % length == 0 && (many == 1 || length == 1),
            1 => (first + from) % length is var at and > 0 && at + many <= length,
            _ => false,
        });

    /// <summary>Whether all levels are the same one.</summary>
    /// <param name="bits">The width of a packed level.</param>
    /// <exception cref="InvalidDataException">As above.</exception>
    public static bool AreAll(ReadOnlySpan<byte> runs, int count, int bits, int wanted) =>
        Walk(runs, count, bits, (level, _, _) => level == wanted);

    /// <summary>Writes one run of a level.</summary>
    /// <returns>The bytes that it takes: 6 at most.</returns>
    public static int Write(Span<byte> destination, int count, byte level)
    {
        var at = 0;
        var head = (uint)count << 1;
        for (; head > 127; head >>= 7)
            destination[at++] = (byte)(head | 128);
        destination[at++] = (byte)head;
        destination[at++] = level;
        return at;
    }

    // Every level is below 2^8, so a run's level takes one byte.
    private static bool Walk(ReadOnlySpan<byte> runs, int count, int bits, Func<int, int, int, bool> isRight)
    {
        var seen = 0;
        while (seen < count)
        {
            var head = ReadVarint(ref runs);
            var many = head >> 1;
            if ((head & 1) == 0)
            {
                if (many == 0 || many > (uint)(count - seen))
                    throw new InvalidDataException("a run of levels is longer than its page");
                if (!isRight(Take(ref runs, 1)[0], seen, (int)many))
                    return false;
                seen += (int)many;
                continue;
            }

            // Groups of eight; the last one may be filled up.
            if (many == 0 || many > (uint)(count - seen + 7) / 8)
                throw new InvalidDataException("packed levels are longer than their page");
            var packed = Take(ref runs, checked((int)many * bits));
            for (var i = 0; i < many * 8 && seen < count; i++, seen++)
            {
                var at = i * bits;
                var two = packed[at / 8] | (at / 8 + 1 < packed.Length ? packed[at / 8 + 1] << 8 : 0);
                if (!isRight((two >> (at % 8)) & ((1 << bits) - 1), seen, 1))
                    return false;
            }
        }

        return true;
    }

    private static uint ReadVarint(ref ReadOnlySpan<byte> bytes)
    {
        var value = 0u;
        for (var shift = 0; shift < 32; shift += 7)
        {
            var next = Take(ref bytes, 1)[0];
            value |= (uint)(next & 127) << shift;
            if (next < 128)
                return value;
        }

        throw new InvalidDataException("a run of levels has no end");
    }

    private static ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> bytes, int count)
    {
        if (count > bytes.Length)
            throw new InvalidDataException("levels end too early");
        var taken = bytes[..count];
        bytes = bytes[count..];
        return taken;
    }
}
