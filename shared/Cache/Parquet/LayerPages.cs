using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using global::Parquet.Meta;
using Headstart.Models;
using ZstdSharp;

namespace Headstart.Cache.Parquet;

/// <summary>Writes a layer's column of one row group: what <see cref="LayerChunk"/> reads, and every Parquet reader can.</summary>
/// <remarks>
/// Parquet.Net can write it too, but takes two integers for each value, fresh memory for each page, and three times as long. Bytes are
/// written as
/// <see cref="ByteIndices"/> says.
/// </remarks>
internal static class LayerPages
{
    // A page holds whole rows, one at least, and otherwise about this much: enough for zstd, whose window at its fastest is half of it.
    private const int PageBytes = 1 << 20;
    private const int ZstdLevel = 1;

    // Four bytes for the length of the definition levels, and one run.
    private const int LongestDefinitions = sizeof(int) + 6;

    // Two runs a row, of which one has one byte for its length and the other at most five.
    private const int LongestRepetitions = 8;

    public static Compressor CreateCompressor() => new(ZstdLevel);

    /// <summary>Appends the column's pages.</summary>
    /// <param name="part">The file so far.</param>
    /// <param name="layer">Names the column, and gives the values in a row.</param>
    /// <param name="values">All rows' values, one row at least.</param>
    /// <param name="zstd">From <see cref="CreateCompressor"/>.</param>
    /// <returns>What the footer is to say about the column.</returns>
    public static ColumnMetaData Write(Stream part, ModelLayer layer, ReadOnlySpan<float> values, Compressor zstd) =>
        Write(part, layer, MemoryMarshal.AsBytes(values), PageKind.Values, zstd);

    /// <inheritdoc cref="Write(Stream, ModelLayer, ReadOnlySpan{float}, Compressor)"/>
    public static ColumnMetaData Write(Stream part, ModelLayer layer, ReadOnlySpan<byte> values, Compressor zstd) =>
        Write(part, layer, values, PageKind.Indices, zstd);

    private static ColumnMetaData Write(Stream part, ModelLayer layer, ReadOnlySpan<byte> values, PageKind kind, Compressor zstd)
    {
        var size = kind == PageKind.Indices ? 1 : sizeof(float);
        var length = layer.Shape.Length;
        var rowsInPage = Math.Clamp(PageBytes / (length * size), 1, values.Length / (length * size));
        var levels = sizeof(int) + rowsInPage * LongestRepetitions + LongestDefinitions;
        var plain = ArrayPool<byte>.Shared.Rent(levels + ByteIndices.LongestHead + ByteIndices.Group +
            Math.Max(rowsInPage * length * size, ByteIndices.Dictionary.Length));
        var packed = ArrayPool<byte>.Shared.Rent(Compressor.GetCompressBound(plain.Length));
        var column = new ColumnMetaData
        {
            Type = kind == PageKind.Indices ? global::Parquet.Meta.Type.INT32 : global::Parquet.Meta.Type.FLOAT,
            Encodings = kind == PageKind.Indices ? [Encoding.PLAIN, Encoding.RLE, Encoding.RLE_DICTIONARY] : [Encoding.PLAIN, Encoding.RLE],
            PathInSchema = [layer.Name, "list", "element"],
            Codec = CompressionCodec.ZSTD,
            NumValues = values.Length / size,
        };
        var start = part.Position;
        if (kind == PageKind.Indices)
        {
            column.DictionaryPageOffset = start;
            ByteIndices.Dictionary.CopyTo(plain);
            WritePage(PageKind.Dictionary, ByteIndices.Dictionary.Length, ByteIndices.Entries);
        }

        column.DataPageOffset = part.Position;
        for (var rest = values; rest.Length > 0;)
        {
            var page = rest[..Math.Min(rowsInPage * length * size, rest.Length)];
            rest = rest[page.Length..];
            var at = FillLevels(plain, page.Length / size, length);
            if (kind == PageKind.Indices)
            {
                at += ByteIndices.Write(plain.AsSpan(at), page);
            }
            else
            {
                page.CopyTo(plain.AsSpan(at));
                at += page.Length;
            }

            WritePage(kind, at, page.Length / size);
        }

        column.TotalCompressedSize = part.Position - start;
        ArrayPool<byte>.Shared.Return(plain);
        ArrayPool<byte>.Shared.Return(packed);
        return column;

        void WritePage(PageKind pageKind, int plainLength, int count)
        {
            var packedLength = zstd.Wrap(plain.AsSpan(0, plainLength), packed);
            var header = new PageHeader(pageKind, plainLength, packedLength, count).ToBytes();
            part.Write(header);
            part.Write(packed, 0, packedLength);
            column.TotalUncompressedSize += header.Length + plainLength;
        }
    }

    /// <summary>Repetition levels, then definition levels.</summary>
    /// <returns>Their length in bytes.</returns>
    private static int FillLevels(Span<byte> page, int values, int length)
    {
        var at = sizeof(int);
        if (length == 1)
        {
            at += LevelRuns.Write(page[at..], values, 0);
        }
        else
        {
            // 0 begins a row's list, 1 continues it.
            for (var row = 0; row < values / length; row++)
            {
                at += LevelRuns.Write(page[at..], 1, 0);
                at += LevelRuns.Write(page[at..], length - 1, 1);
            }
        }

        BinaryPrimitives.WriteInt32LittleEndian(page, at - sizeof(int));
        var definitions = LevelRuns.Write(page[(at + sizeof(int))..], values, LevelRuns.PresentElement);
        BinaryPrimitives.WriteInt32LittleEndian(page[at..], definitions);
        return at + sizeof(int) + definitions;
    }
}
