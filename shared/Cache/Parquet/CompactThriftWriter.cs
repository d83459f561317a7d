using System.Buffers;
using System.Text;

namespace Headstart.Cache.Parquet;

/// <summary>Writes structs in Thrift's compact protocol, the counterpart of <see cref="CompactThriftReader"/>.</summary>
/// <remarks>Fields of a struct are written with rising numbers. Those given as null are left out.</remarks>
internal sealed class CompactThriftWriter
{
    private const int Int32 = 5;
    private const int Int64 = 6;
    private const int Binary = 8;
    private const int List = 9;

    private readonly ArrayBufferWriter<byte> _bytes = new();
    private readonly Stack<int> _outer = new();
    private int _field;

    public ReadOnlySpan<byte> Bytes => _bytes.WrittenSpan;

    /// <summary>Begins a struct within a field. The outermost struct isn't begun.</summary>
    public void BeginStruct(int field)
    {
        Head(field, CompactThriftReader.Struct);
        BeginElement();
    }

    /// <summary>Begins a struct within a list.</summary>
    public void BeginElement()
    {
        _outer.Push(_field);
        _field = 0;
    }

    /// <summary>Ends the innermost struct.</summary>
    public void End()
    {
        Byte(0);
        _field = _outer.Count > 0 ? _outer.Pop() : 0;
    }

    public void Int(int field, int? value)
    {
        if (value is not { } given)
            return;
        Head(field, Int32);
        ZigZag(given);
    }

    public void Long(int field, long? value)
    {
        if (value is not { } given)
            return;
        Head(field, Int64);
        ZigZag(given);
    }

    public void Text(int field, string? value)
    {
        if (value is null)
            return;
        Head(field, Binary);
        Text(value);
    }

    public void Flag(int field, bool value) => Head(field, value ? 1 : 2);

    public void SmallInt(int field, sbyte value)
    {
        Head(field, 3);
        Byte((byte)value);
    }

    public void Ints(int field, IReadOnlyCollection<int> values)
    {
        BeginList(field, Int32, values.Count);
        foreach (var value in values)
            ZigZag(value);
    }

    public void Texts(int field, IReadOnlyCollection<string> values)
    {
        BeginList(field, Binary, values.Count);
        foreach (var value in values)
            Text(value);
    }

    /// <summary>A list of structs; <paramref name="write"/> writes the fields of each.</summary>
    public void Structs<T>(int field, IReadOnlyCollection<T> values, Action<T> write)
    {
        BeginList(field, CompactThriftReader.Struct, values.Count);
        foreach (var value in values)
        {
            BeginElement();
            write(value);
            End();
        }
    }

    private void BeginList(int field, int kind, int count)
    {
        Head(field, List);
        if (count < 15)
        {
            Byte((byte)(count << 4 | kind));
        }
        else
        {
            Byte((byte)(15 << 4 | kind));
            Varint((ulong)count);
        }
    }

    private void Head(int field, int kind)
    {
        if (field - _field is > 0 and < 16 and var step)
        {
            Byte((byte)(step << 4 | kind));
        }
        else
        {
            Byte((byte)kind);
            ZigZag(field);
        }

        _field = field;
    }

    private void Text(string value)
    {
        var bytes = Encoding.UTF8.GetBytes(value);
        Varint((ulong)bytes.Length);
        _bytes.Write(bytes);
    }

    private void ZigZag(long value) => Varint((ulong)(value << 1 ^ value >> 63));

    private void Varint(ulong value)
    {
        for (; value > 127; value >>= 7)
            Byte((byte)(value | 128));
        Byte((byte)value);
    }

    private void Byte(byte value)
    {
        _bytes.GetSpan(1)[0] = value;
        _bytes.Advance(1);
    }
}
