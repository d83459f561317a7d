using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Parquet.Meta;
using ZstdSharp;

namespace Headstart.Cache;

/// <summary>A layer's column in one row group, read straight into the caller's floats.</summary>
/// <remarks>
/// It reads what <see cref="PartBuilder"/> writes: data pages of the first version with PLAIN values, compressed with zstd. Parquet.Net can do that too, but writes
/// two integers for each value, copies everything twice, and takes two to three times as long.
/// </remarks>
internal static class LayerChunk
{
    private const int DefinitionBits = 2;

    /// <summary>Reads the column.</summary>
    /// <param name="part">The whole part file.</param>
    /// <param name="column">What the footer says about the column in this row group.</param>
    /// <param name="length">Values in a row.</param>
    /// <param name="destination">All rows' values.</param>
    /// <returns>False when the column is encoded in another way: Parquet.Net has to read it. The destination's content is undefined then.</returns>
    /// <exception cref="InvalidDataException">Damaged.</exception>
    public static bool TryRead(ReadOnlySpan<byte> part, ColumnMetaData column, int length, Span<float> destination)
    {
        if (column.Codec != CompressionCodec.ZSTD || column.DictionaryPageOffset is not null || !BitConverter.IsLittleEndian)
            return false;
        if (column.DataPageOffset < 0 || column.TotalCompressedSize < 0 || column.DataPageOffset > part.Length - column.TotalCompressedSize)
            throw new InvalidDataException("a column lies beyond the end of the file");

        var pages = part.Slice((int)column.DataPageOffset, (int)column.TotalCompressedSize);
        using var zstd = new Decompressor();
        for (var read = 0; read < destination.Length;)
        {
            var header = PageHeader.Read(pages, out var headerLength);
            pages = pages[headerLength..];
            if (header.CompressedSize > pages.Length)
                throw new InvalidDataException("a page goes beyond the end of its column");
            if (!header.IsDataPage || !header.IsPlain || header.Values > destination.Length - read)
                return false;

            // Without nulls the values take four bytes each; the levels come before them.
            var levelBytes = header.UncompressedSize - (long)header.Values * sizeof(float);
            if (header.Values == 0 || levelBytes < 2 * sizeof(int) || levelBytes > LongestLevels(header.Values))
                return false;
            if (!TryReadPage(zstd, pages[..header.CompressedSize], (int)levelBytes, read, length, destination.Slice(read, header.Values)))
                return false;
            pages = pages[header.CompressedSize..];
            read += header.Values;
        }

        return true;
    }

    // Two runs of six bytes for each value would be a writer's worst idea.
    private static long LongestLevels(int values) => 2 * sizeof(int) + 12L * values;

    private static bool TryReadPage(Decompressor zstd, ReadOnlySpan<byte> page, int levelBytes, int first, int length, Span<float> values)
    {
        var rented = ArrayPool<byte>.Shared.Rent(levelBytes);
        try
        {
            var levels = rented.AsSpan(0, levelBytes);
            zstd.ResetStream();
            Decompress(zstd, ref page, levels);
            var repetitions = TakeLevels(ref levels);
            var definitions = TakeLevels(ref levels);
            if (levels.Length > 0 || !LevelRuns.AreRows(repetitions, values.Length, first, length) ||
                !LevelRuns.AreAll(definitions, values.Length, DefinitionBits, CacheSchema.PresentElement))
            {
                return false;
            }

            Decompress(zstd, ref page, MemoryMarshal.AsBytes(values));
            EnsureEnd(zstd, page);
            return true;
        }
        catch (ZstdException e)
        {
            throw new InvalidDataException($"a page can't be decompressed ({e.Message})", e);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private static void Decompress(Decompressor zstd, ref ReadOnlySpan<byte> source, Span<byte> destination)
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
        if (levels.Length < sizeof(int) || BinaryPrimitives.ReadUInt32LittleEndian(levels) is var size && size > levels.Length - sizeof(int))
            throw new InvalidDataException("levels go beyond their page");
        var taken = levels.Slice(sizeof(int), (int)BinaryPrimitives.ReadUInt32LittleEndian(levels));
        levels = levels[(sizeof(int) + taken.Length)..];
        return taken;
    }
}
