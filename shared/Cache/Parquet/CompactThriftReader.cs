namespace Headstart.Cache.Parquet;

/// <summary>
/// Steps through a struct in Thrift's compact protocol. Made for bytes that may be anything: it reads no further than they go and no deeper
/// than is sensible.
/// </summary>
internal ref struct CompactThriftReader(ReadOnlySpan<byte> bytes)
{
    public const int Struct = 12;

    private const int DeepestNesting = 16;
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    /// <summary>The number of bytes read.</summary>
    public int Position { get; private set; }

    /// <summary>Reads a field's head.</summary>
    /// <param name="field">The number of the field before in this struct, 0 at first; becomes this one's.</param>
    /// <param name="kind">The type of its value, which is to be read or skipped next.</param>
    /// <returns>False at the end of the struct.</returns>
    /// <exception cref="InvalidDataException">The bytes end, as in all members.</exception>
    public bool NextField(ref int field, out int kind)
    {
        var head = ReadByte();
        kind = head & 15;
        if (kind == 0)
            return false;
        var number = head >> 4 is var step and > 0 ? field + step : ZigZag(ReadVarint());
        if (number is < 1 or > short.MaxValue)
            throw new InvalidDataException("a page header has a field without a number");
        field = (int)number;
        return true;
    }

    /// <summary>Reads an integer of any width that fits into 32 bits.</summary>
    public int ReadInt(int kind)
    {
        if (kind is not (4 or 5 or 6))
            throw new InvalidDataException("a page header has no number where one belongs");
        var value = ZigZag(ReadVarint());
        return value is >= int.MinValue and <= int.MaxValue
            ? (int)value
            : throw new InvalidDataException("a page header has a number that is too large");
    }

    /// <summary>Passes over a field's value.</summary>
    public void Skip(int kind) => Skip(kind, 0, isElement: false);

    private void Skip(int kind, int depth, bool isElement)
    {
        if (depth > DeepestNesting)
            throw new InvalidDataException("a page header is nested too deeply");
        switch (kind)
        {
            case 1 or 2: // true, false: the kind is the value, but elements of a list have a byte
                Advance(isElement ? 1 : 0);
                break;
            case 3:
                Advance(1);
                break;
            case 4 or 5 or 6:
                ReadVarint();
                break;
            case 7:
                Advance(sizeof(double));
                break;
            case 8: // text or bytes
                Advance(ReadVarint());
                break;
            case 9 or 10: // list, set
                SkipList(depth);
                break;
            case 11:
                SkipMap(depth);
                break;
            case Struct:
                for (var field = 0; NextField(ref field, out var inner);)
                    Skip(inner, depth + 1, isElement: false);
                break;
            default:
                throw new InvalidDataException($"a page header has a field of the unknown kind {kind}");
        }
    }

    private void SkipList(int depth)
    {
        var head = ReadByte();
        var count = head >> 4 is var few and < 15 ? (ulong)few : ReadVarint();
        for (var i = 0UL; i < Bounded(count); i++)
            Skip(head & 15, depth + 1, isElement: true);
    }

    private void SkipMap(int depth)
    {
        var count = ReadVarint();
        if (count == 0)
            return;
        var kinds = ReadByte();
        for (var i = 0UL; i < Bounded(count); i++)
        {
            Skip(kinds >> 4, depth + 1, isElement: true);
            Skip(kinds & 15, depth + 1, isElement: true);
        }
    }

    // Each element has a byte at least.
    private readonly ulong Bounded(ulong count) =>
        count <= (ulong)(_bytes.Length - Position)
            ? count
            : throw new InvalidDataException("a page header has a list longer than the file");

    private ulong ReadVarint()
    {
        var value = 0UL;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var next = ReadByte();
            value |= (ulong)(next & 127) << shift;
            if (next < 128)
                return value;
        }

        throw new InvalidDataException("a page header has a number without end");
    }

    private byte ReadByte()
    {
        Advance(1);
        return _bytes[Position - 1];
    }

    private void Advance(ulong count)
    {
        if (count > (ulong)(_bytes.Length - Position))
            throw new InvalidDataException("a page header goes beyond the end");
        Position += (int)count;
    }

    private void Advance(int count) => Advance((ulong)count);

    private static long ZigZag(ulong value) => (long)(value >> 1) ^ -(long)(value & 1);
}
