namespace Headstart.Cache;

/// <summary>What stands before each page of a column in a Parquet file: Thrift's compact protocol, of which this reads the fields that a data page needs.</summary>
/// <param name="IsDataPage">Whether it is a data page of the first version, the only kind that Headstart writes.</param>
/// <param name="UncompressedSize">Bytes of the page without its header.</param>
/// <param name="CompressedSize">Bytes of it in the file.</param>
/// <param name="Values">The number of values, nulls included.</param>
/// <param name="IsPlain">Whether the values are stored as they are, and both kinds of levels as runs.</param>
/// <remarks>Field numbers as in the format's parquet.thrift, structs PageHeader and DataPageHeader.</remarks>
internal readonly record struct PageHeader(bool IsDataPage, int UncompressedSize, int CompressedSize, int Values, bool IsPlain)
{
    private const int DataPage = 0;
    private const int PlainEncoding = 0;
    private const int RunEncoding = 3;

    /// <summary>The header of a page of this kind: a data page of the first version, its values stored as they are.</summary>
    public byte[] ToBytes()
    {
        var thrift = new CompactThriftWriter();
        thrift.Int(1, DataPage);
        thrift.Int(2, UncompressedSize);
        thrift.Int(3, CompressedSize);
        thrift.BeginStruct(5);
        thrift.Int(1, Values);
        thrift.Int(2, PlainEncoding);
        thrift.Int(3, RunEncoding);
        thrift.Int(4, RunEncoding);
        thrift.End();
        thrift.End();
        return thrift.Bytes.ToArray();
    }

    /// <summary>Reads a header.</summary>
    /// <param name="bytes">Begins with the header.</param>
    /// <param name="length">Of the header in bytes.</param>
    /// <exception cref="InvalidDataException">Not a page header.</exception>
    public static PageHeader Read(ReadOnlySpan<byte> bytes, out int length)
    {
        var reader = new CompactThriftReader(bytes);
        int? type = null, uncompressed = null, compressed = null, values = null, encoding = null, definitions = null, repetitions = null;
        for (var field = 0; reader.NextField(ref field, out var kind);)
        {
            if (field == 1)
                type = reader.ReadInt(kind);
            else if (field == 2)
                uncompressed = reader.ReadInt(kind);
            else if (field == 3)
                compressed = reader.ReadInt(kind);
            else if (field == 5 && kind == CompactThriftReader.Struct)
                ReadDataPage(ref reader);
            else
                reader.Skip(kind);
        }

        length = reader.Position;
        if (type is null || uncompressed is not >= 0 || compressed is not >= 0)
            throw new InvalidDataException("a page has no size");
        return new PageHeader(
            type == DataPage && values >= 0, uncompressed.Value, compressed.Value, values ?? 0,
            encoding == PlainEncoding && definitions == RunEncoding && repetitions == RunEncoding);

        void ReadDataPage(ref CompactThriftReader reader)
        {
            for (var field = 0; reader.NextField(ref field, out var kind);)
            {
                if (field == 1)
                    values = reader.ReadInt(kind);
                else if (field == 2)
                    encoding = reader.ReadInt(kind);
                else if (field == 3)
                    definitions = reader.ReadInt(kind);
                else if (field == 4)
                    repetitions = reader.ReadInt(kind);
                else
                    reader.Skip(kind);
            }
        }
    }
}
