using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Headstart.Models;
using Parquet.Meta;
using ZstdSharp;

namespace Headstart.Cache;

/// <summary>Writes a layer's column of one row group: what <see cref="LayerChunk"/> reads, and every Parquet reader can.</summary>
/// <remarks>Parquet.Net can write it too, but takes two integers for each value, fresh memory for each page, and three times as long.</remarks>
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
    public static ColumnMetaData Write(Stream part, ModelLayer layer, ReadOnlySpan<float> values, Compressor zstd)
    {
        var length = layer.Shape.Length;
        var rowsInPage = Math.Clamp(PageBytes / (length * sizeof(float)), 1, values.Length / length);
        var plain = ArrayPool<byte>.Shared.Rent(sizeof(int) + rowsInPage * LongestRepetitions + LongestDefinitions + rowsInPage * length * sizeof(float));
        var packed = ArrayPool<byte>.Shared.Rent(Compressor.GetCompressBound(plain.Length));
        var column = new ColumnMetaData
        {
            Type = Parquet.Meta.Type.FLOAT,
            Encodings = [Encoding.PLAIN, Encoding.RLE],
            PathInSchema = [layer.Name, "list", "element"],
            Codec = CompressionCodec.ZSTD,
            NumValues = values.Length,
            DataPageOffset = part.Position,
        };
        for (var rest = values; rest.Length > 0;)
        {
            var page = rest[..Math.Min(rowsInPage * length, rest.Length)];
            rest = rest[page.Length..];
            var plainLength = Fill(plain, page, length);
            var packedLength = zstd.Wrap(plain.AsSpan(0, plainLength), packed);
            var header = new PageHeader(IsDataPage: true, plainLength, packedLength, page.Length, IsPlain: true).ToBytes();
            part.Write(header);
            part.Write(packed, 0, packedLength);
            column.TotalUncompressedSize += header.Length + plainLength;
        }

        column.TotalCompressedSize = part.Position - column.DataPageOffset;
        ArrayPool<byte>.Shared.Return(plain);
        ArrayPool<byte>.Shared.Return(packed);
        return column;
    }

    /// <summary>Repetition levels, definition levels, values.</summary>
    /// <returns>The page's length.</returns>
    private static int Fill(Span<byte> page, ReadOnlySpan<float> values, int length)
    {
        var at = sizeof(int);
        if (length == 1)
        {
            at += LevelRuns.Write(page[at..], values.Length, 0);
        }
        else
        {
            // 0 begins a row's list, 1 continues it.
            for (var row = 0; row < values.Length / length; row++)
            {
                at += LevelRuns.Write(page[at..], 1, 0);
                at += LevelRuns.Write(page[at..], length - 1, 1);
            }
        }

        BinaryPrimitives.WriteInt32LittleEndian(page, at - sizeof(int));
        var definitions = LevelRuns.Write(page[(at + sizeof(int))..], values.Length, CacheSchema.PresentElement);
        BinaryPrimitives.WriteInt32LittleEndian(page[at..], definitions);
        at += sizeof(int) + definitions;
        var bytes = MemoryMarshal.AsBytes(values);
        bytes.CopyTo(page[at..]);
        return at + bytes.Length;
    }
}
