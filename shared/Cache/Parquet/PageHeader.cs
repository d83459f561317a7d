namespace Headstart.Cache.Parquet;

/// <summary>
/// What stands before each page of a column in a Parquet file: Thrift's compact protocol, of which this reads the fields that a layer's
/// pages need.
/// </summary>
/// <param name="Kind">What the page holds.</param>
/// <param name="UncompressedSize">Bytes of the page without its header.</param>
/// <param name="CompressedSize">Bytes of it in the file.</param>
/// <param name="Values">The number of values, nulls included.</param>
/// <remarks>Field numbers as in the format's parquet.thrift, structs PageHeader, DataPageHeader and DictionaryPageHeader.</remarks>
internal readonly record struct PageHeader(PageKind Kind, int UncompressedSize, int CompressedSize, int Values)
{
    private const int DataPage = 0;
    private const int DictionaryPage = 2;
    private const int PlainEncoding = 0;
    private const int RunEncoding = 3;
    private const int IndexEncoding = 8;

    /// <summary>The header of a page of one of the kinds that Headstart writes.</summary>
    public byte[] ToBytes()
    {
        var thrift = new CompactThriftWriter();
        thrift.Int(1, Kind == PageKind.Dictionary ? DictionaryPage : DataPage);
        thrift.Int(2, UncompressedSize);
        thrift.Int(3, CompressedSize);
        thrift.BeginStruct(Kind == PageKind.Dictionary ? 7 : 5);
        thrift.Int(1, Values);
        thrift.Int(2, Kind == PageKind.Indices ? IndexEncoding : PlainEncoding);
        if (Kind != PageKind.Dictionary)
        {
            thrift.Int(3, RunEncoding);
            thrift.Int(4, RunEncoding);
        }

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
            else if (field is 5 or 7 && kind == CompactThriftReader.Struct)
                ReadInner(ref reader);
            else
                reader.Skip(kind);
        }

        length = reader.Position;
        if (type is null || uncompressed is not >= 0 || compressed is not >= 0)
            throw new InvalidDataException("a page has no size");
        var hasRuns = type == DataPage && definitions == RunEncoding && repetitions == RunEncoding;
        var found = values is not >= 0 ? PageKind.Other
            : hasRuns && encoding == PlainEncoding ? PageKind.Values
            : hasRuns && encoding == IndexEncoding ? PageKind.Indices
            : type == DictionaryPage && encoding == PlainEncoding ? PageKind.Dictionary
            : PageKind.Other;
        return new PageHeader(found, uncompressed.Value, compressed.Value, values ?? 0);

        void ReadInner(ref CompactThriftReader reader)
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

/// <summary>The kinds of pages that a layer's column has.</summary>
internal enum PageKind
{
    /// <summary>None of these, or another version or encoding of them.</summary>
    Other,

    /// <summary>A data page of the first version: both kinds of levels as runs, values as they are.</summary>
    Values,

    /// <summary>The same with numbers of the dictionary's entries in the values' place.</summary>
    Indices,

    /// <summary>The values that indices stand for, as they are.</summary>
    Dictionary,
}
