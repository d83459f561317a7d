using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using global::Parquet.Meta;
using ZstdSharp;

namespace Headstart.Cache.Parquet;

/// <summary>A layer's column in one row group, read straight into the caller's memory.</summary>
/// <remarks>
/// It reads what <see cref="LayerPages"/> writes: data pages of the first version with PLAIN floats, or with bytes as
/// <see cref="ByteIndices"/>, compressed with zstd. Parquet.Net can do that too, but writes two integers for each value, copies everything
/// twice, and takes two to three times as long.
/// </remarks>
internal static class LayerChunk
{
    private const int DefinitionBits = 2;

    /// <summary>Reads a column of floats.</summary>
    /// <param name="part">The whole part file.</param>
    /// <param name="column">What the footer says about the column in this row group.</param>
    /// <param name="length">Values in a row.</param>
    /// <param name="destination">All rows' values.</param>
    /// <returns>
    /// False when the column is encoded in another way: Parquet.Net has to read it. The destination's content is undefined then.
    /// </returns>
    /// <exception cref="InvalidDataException">Damaged.</exception>
    public static bool TryRead(ReadOnlySpan<byte> part, ColumnMetaData column, int length, Span<float> destination) =>
        TryRead(part, column, PageKind.Values, length, MemoryMarshal.AsBytes(destination));

    /// <summary>Reads a column of bytes.</summary>
    /// <inheritdoc cref="TryRead(ReadOnlySpan{byte}, ColumnMetaData, int, Span{float})"/>
    public static bool TryRead(ReadOnlySpan<byte> part, ColumnMetaData column, int length, Span<byte> destination) =>
        TryRead(part, column, PageKind.Indices, length, destination);

    private static bool TryRead(ReadOnlySpan<byte> part, ColumnMetaData column, PageKind kind, int length, Span<byte> destination)
    {
        if (column.Codec != CompressionCodec.ZSTD || column.DictionaryPageOffset is null != (kind == PageKind.Values)
            || !BitConverter.IsLittleEndian)
            return false;
        var start = column.DictionaryPageOffset ?? column.DataPageOffset;
        if (start < 0 || column.TotalCompressedSize < 0 || start > part.Length - column.TotalCompressedSize)
            throw new InvalidDataException("a column lies beyond the end of the file");

        var pages = part.Slice((int)start, (int)column.TotalCompressedSize);
        using var zstd = new Decompressor();
        try
        {
            return (kind == PageKind.Values || TrySkipDictionary(zstd, ref pages)) && TryReadPages(zstd, pages, kind, length, destination);
        }
        catch (ZstdException e)
        {
            throw new InvalidDataException($"a page can't be decompressed ({e.Message})", e);
        }
    }

    private static bool TrySkipDictionary(Decompressor zstd, ref ReadOnlySpan<byte> pages)
    {
        var page = TakePage(ref pages, out var header);
        if (header.Kind != PageKind.Dictionary || header.Values != ByteIndices.Entries
            || header.UncompressedSize != ByteIndices.Dictionary.Length)
            return false;
        Span<byte> numbers = stackalloc byte[ByteIndices.Dictionary.Length];
        zstd.ResetStream();
        Decompress(zstd, ref page, numbers);
        EnsureEnd(zstd, page);
        return numbers.SequenceEqual(ByteIndices.Dictionary);
    }

    private static bool TryReadPages(Decompressor zstd, ReadOnlySpan<byte> pages, PageKind kind, int length, Span<byte> destination)
    {
        var size = kind == PageKind.Indices ? 1 : sizeof(float);
        for (var read = 0; read < destination.Length / size;)
        {
            var page = TakePage(ref pages, out var header);
            if (header.Kind != kind || header.Values == 0 || header.Values > (destination.Length / size) - read)
                return false;

            // Without nulls every value is there; the levels come before them.
            var values = destination.Slice(read * size, header.Values * size);
            var levelBytes = header.UncompressedSize - (kind == PageKind.Indices ? ByteIndices.Length(header.Values) : values.Length);
            if (levelBytes < 2 * sizeof(int) || levelBytes > LongestLevels(header.Values))
                return false;
            if (!TryReadPage(zstd, page, kind, levelBytes, read, length, values))
                return false;
            read += header.Values;
        }

        return true;
    }

    private static ReadOnlySpan<byte> TakePage(ref ReadOnlySpan<byte> pages, out PageHeader header)
    {
        header = PageHeader.Read(pages, out var headerLength);
        pages = pages[headerLength..];
        if (header.CompressedSize > pages.Length)
            throw new InvalidDataException("a page goes beyond the end of its column");
        var page = pages[..header.CompressedSize];
        pages = pages[header.CompressedSize..];
        return page;
    }

    // Two runs of six bytes for each value would be a writer's worst idea.
    private static long LongestLevels(int values) => 2 * sizeof(int) + 12L * values;

    private static bool TryReadPage(
        Decompressor zstd, ReadOnlySpan<byte> page, PageKind kind, int levelBytes, int first, int length, Span<byte> values)
    {
        var count = kind == PageKind.Indices ? values.Length : values.Length / sizeof(float);
        var rented = ArrayPool<byte>.Shared.Rent(levelBytes);
        try
        {
            var levels = rented.AsSpan(0, levelBytes);
            zstd.ResetStream();
            Decompress(zstd, ref page, levels);
            var repetitions = TakeLevels(ref levels);
            var definitions = TakeLevels(ref levels);
            if (levels.Length > 0 || !LevelRuns.AreRows(repetitions, count, first, length)
                || !LevelRuns.AreAll(definitions, count, DefinitionBits, LevelRuns.PresentElement))
                return false;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }

        Span<byte> edge = stackalloc byte[ByteIndices.LongestHead];
        if (kind == PageKind.Indices)
        {
            Span<byte> expected = stackalloc byte[ByteIndices.LongestHead];
            var head = ByteIndices.WriteHead(expected, count);
            Decompress(zstd, ref page, edge[..head]);
            if (!edge[..head].SequenceEqual(expected[..head]))
                return false;
        }

        Decompress(zstd, ref page, values);
        if (kind == PageKind.Indices)
        {
            Span<byte> padding = stackalloc byte[ByteIndices.Group];
            Decompress(zstd, ref page, padding[..ByteIndices.Padding(count)]);
        }

        EnsureEnd(zstd, page);
        return true;
    }

    private static void Decompress(Decompressor zstd, ref ReadOnlySpan<byte> source, scoped Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            zstd.UnwrapStream(source, destination, out var consumed, out var written);
            if (written == 0 && consumed == 0)
                throw new InvalidDataException("a page ends too early");
            source = source[consumed..];
            destination = destination[written..];
        }
    }

    // The frame's end (and its checksum, if any) may still be unread.
    private static void EnsureEnd(Decompressor zstd, ReadOnlySpan<byte> source)
    {
        Span<byte> beyond = stackalloc byte[1];
        while (source.Length > 0)
        {
            zstd.UnwrapStream(source, beyond, out var consumed, out var written);
            if (written > 0 || consumed == 0)
                throw new InvalidDataException("a page is longer than it says");
            source = source[consumed..];
        }
    }

    private static ReadOnlySpan<byte> TakeLevels(ref Span<byte> levels)
    {
        if (levels.Length < sizeof(int)
            || BinaryPrimitives.ReadUInt32LittleEndian(levels) is var size && size > levels.Length - sizeof(int))
            throw new InvalidDataException("levels go beyond their page");
        var taken = levels.Slice(sizeof(int), (int)BinaryPrimitives.ReadUInt32LittleEndian(levels));
        levels = levels[(sizeof(int) + taken.Length)..];
        return taken;
    }
}
