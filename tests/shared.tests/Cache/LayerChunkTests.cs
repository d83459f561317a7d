using CsCheck;
using Headstart.Cache;
using Headstart.Cache.Parquet;
using Headstart.Models;
using Parquet;
using Parquet.Meta;

namespace Headstart.Tests.Cache;

/// <summary>The cache's own reading of pages, beside Parquet.Net's.</summary>
public sealed class LayerChunkTests
{
    private static readonly ModelLayer Pool = new("pool", new LayerShape(3, 2, 5));

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task It_reads_the_same_bits_as_Parquet_Net()
    {
        var bits = Gen.Int.Select(BitConverter.Int32BitsToSingle);
        var gen =
            from shape in Gen.Select(Gen.Int[1, 40], Gen.Int[1, 4], Gen.Int[1, 4], (c, h, w) => new LayerShape(c, h, w))
            from rows in Gen.Int[1, 40]
            from sparse in Gen.Bool
            from values in (sparse ? Gen.OneOf(Gen.Const(0f), Gen.Const(0f), bits) : bits).Array[shape.Length * rows]
            select (shape, rows, values);
        await gen.SampleAsync(async sample =>
        {
            var layer = new ModelLayer("pool", sample.shape);
            var (part, column) = await WriteAsync(layer, sample.values);
            var own = new float[sample.values.Length];
            var library = new float[sample.values.Length];

            Assert.True(LayerChunk.TryRead(part, column, sample.shape.Length, own));
            await using var reader = await ParquetReader.CreateAsync(new MemoryStream(part), cancellationToken: CancellationToken.None);
            await reader.OpenRowGroupReader(0).ReadRawAsync(
                new CacheSchema(CacheSamples.Contract(layer)).Layer("pool"), library.AsMemory(), new int[own.Length].AsMemory(),
                new int[own.Length].AsMemory(), CancellationToken.None);

            Assert.Equal(sample.values.Select(BitConverter.SingleToInt32Bits), own.Select(BitConverter.SingleToInt32Bits));
            Assert.Equal(library.Select(BitConverter.SingleToInt32Bits), own.Select(BitConverter.SingleToInt32Bits));
        }, iter: 100, threads: 1);
    }

    /// <summary>A page holds about 1 MiB, and whole rows: here several, one, and one that is larger than that.</summary>
    [Theory]
    [InlineData(100_000, 7)]
    [InlineData(200_000, 3)]
    [InlineData(300_000, 2)]
    [InlineData(1, 300_000)]
    public async Task Columns_of_several_pages_are_read_alike_by_both(int length, int rows)
    {
        var layer = new ModelLayer("pool", new LayerShape(length, 1, 1));
        float[] values = [.. Enumerable.Range(0, length * rows).Select(i => i % 3 == 0 ? i : 0)];
        var (part, column) = await WriteAsync(layer, values);
        var own = new float[values.Length];
        var library = new float[values.Length];

        Assert.True(LayerChunk.TryRead(part, column, length, own));
        await using var reader = await ParquetReader.CreateAsync(new MemoryStream(part), cancellationToken: Cancellation);
        await reader.OpenRowGroupReader(0).ReadRawAsync(
            new CacheSchema(CacheSamples.Contract(layer)).Layer("pool"), library.AsMemory(), new int[own.Length].AsMemory(),
            new int[own.Length].AsMemory(), Cancellation);

        Assert.Equal(values, own);
        Assert.Equal(values, library);
    }

    [Fact]
    public async Task The_footer_describes_the_columns_as_Parquet_Net_would()
    {
        using var folder = new TemporaryFolder();
        var values = Features(3);
        await WriteAsync(Pool, values, path: folder.File("own.parquet"));
        await WriteAsync(Pool, values, CompressionMethod.Gzip, path: folder.File("library.parquet"));

        await using var own = await ParquetReader.CreateAsync(folder.File("own.parquet"), cancellationToken: Cancellation);
        await using var library = await ParquetReader.CreateAsync(folder.File("library.parquet"), cancellationToken: Cancellation);

        Assert.Equal(library.Metadata!.Schema.Select(Describe), own.Metadata!.Schema.Select(Describe));
        Assert.Equal(library.Metadata.NumRows, own.Metadata.NumRows);
        Assert.Equal(library.CustomMetadata, own.CustomMetadata);
        Assert.Equal(
            library.Metadata.RowGroups.Single().Columns.Select(
                c => (string.Join('.', c.MetaData!.PathInSchema), c.MetaData.Type, c.MetaData.NumValues)),
            own.Metadata.RowGroups.Single().Columns.Select(
                c => (string.Join('.', c.MetaData!.PathInSchema), c.MetaData.Type, c.MetaData.NumValues)));

        static string Describe(SchemaElement e) =>
            $"{e.Name} {e.Type} {e.RepetitionType} {e.NumChildren} {e.ConvertedType} {e.LogicalType?.STRING is not null} " +
            $"{e.LogicalType?.LIST is not null} {e.LogicalType?.INTEGER?.BitWidth}";
    }

    [Theory]
    [InlineData(CompressionMethod.None, false)]
    [InlineData(CompressionMethod.Snappy, false)]
    [InlineData(CompressionMethod.Lz4Raw, false)]
    [InlineData(CompressionMethod.Gzip, false)]
    [InlineData(CompressionMethod.Zstd, true)]
    public async Task What_it_does_not_know_is_left_to_Parquet_Net(CompressionMethod compression, bool splitBytes)
    {
        using var folder = new TemporaryFolder();
        var values = Features(9);
        var (part, column) = await WriteAsync(Pool, values, compression, splitBytes, folder.File("part-00000.parquet"));

        Assert.False(LayerChunk.TryRead(part, column, Pool.Shape.Length, new float[values.Length]));

        var cache = await FeatureCache.OpenAsync(folder.Path, Cancellation);
        Assert.Equal(values, (await CacheSamples.ReadLayerAsync(cache, "pool")).SelectMany(r => r));
    }

    [Fact]
    public async Task Rows_of_another_length_are_no_rows()
    {
        var values = Features(12);
        var (part, column) = await WriteAsync(Pool, values);

        Assert.True(LayerChunk.TryRead(part, column, Pool.Shape.Length, new float[values.Length]));
        Assert.False(LayerChunk.TryRead(part, column, Pool.Shape.Length * 2, new float[values.Length]));
        Assert.False(LayerChunk.TryRead(part, column, Pool.Shape.Length / 2, new float[values.Length]));
        Assert.False(LayerChunk.TryRead(part, column, Pool.Shape.Length, new float[values.Length - Pool.Shape.Length]));
    }

    /// <summary>Beneath the digest, which would find each of them: the page reader must hold by itself.</summary>
    [Fact]
    public async Task Damage_never_does_worse_than_an_error_or_other_values()
    {
        var values = Features(40);
        var (part, column) = await WriteAsync(Pool, values);
        var random = new Random(5);
        var refused = 0;
        for (var i = 0; i < 5000; i++)
        {
            // Half of it in the header and the levels.
            var damaged = part.ToArray();
            var extent = random.Next(2) == 0 ? 60 : (int)column.TotalCompressedSize;
            for (var flips = random.Next(1, 4); flips > 0; flips--)
                damaged[column.DataPageOffset + random.Next(extent)] ^= (byte)(1 << random.Next(8));
            if (random.Next(4) == 0)
                damaged = damaged[..(int)(column.DataPageOffset + random.Next((int)column.TotalCompressedSize))];
            try
            {
                if (!LayerChunk.TryRead(damaged, column, Pool.Shape.Length, new float[values.Length]))
                    refused++;
            }
            catch (InvalidDataException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 2000, 5000);
    }

    [Fact]
    public async Task A_column_that_lies_outside_the_file_is_damage()
    {
        var values = Features(3);
        var (part, column) = await WriteAsync(Pool, values);
        foreach (var (offset, size) in new (
            long, long)[] { (part.Length, 1), (-1, 10), (4, long.MaxValue), (long.MaxValue, 4), (4, -1), (4, 0), (4, 5) })
        {
            var elsewhere = new ColumnMetaData
            {
                Codec = CompressionCodec.ZSTD,
                DataPageOffset = offset,
                TotalCompressedSize = size,
                NumValues = column.NumValues,
            };
            Assert.Throws<InvalidDataException>(() => LayerChunk.TryRead(part, elsewhere, Pool.Shape.Length, new float[values.Length]));
        }
    }

    private static float[] Features(int rows) => [.. Enumerable.Range(0, rows).SelectMany(i => CacheSamples.Features(i, Pool))];

    private static async Task<(byte[] Part, ColumnMetaData Column)> WriteAsync(
        ModelLayer layer, float[] values, CompressionMethod compression = CompressionMethod.Zstd, bool splitBytes = false,
        string? path = null)
    {
        using var folder = new TemporaryFolder();
        path ??= folder.File("part.parquet");
        var rows = values.Length / layer.Shape.Length;
        var builder = new PartBuilder(CacheSamples.Contract(layer), rows, compression, splitBytes);
        for (var i = 0; i < rows; i++)
            builder.Add(CacheSamples.Row(i), [values.AsMemory(i * layer.Shape.Length, layer.Shape.Length)]);
        await builder.WriteAsync(path, CancellationToken.None);

        var part = await File.ReadAllBytesAsync(path, CancellationToken.None);
        await using var reader = await ParquetReader.CreateAsync(new MemoryStream(part), cancellationToken: CancellationToken.None);
        return (part, reader.OpenRowGroupReader(0).GetMetadata(new CacheSchema(CacheSamples.Contract(layer)).Layer(layer.Name))!.MetaData!);
    }
}
