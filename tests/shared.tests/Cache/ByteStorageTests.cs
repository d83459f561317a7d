using CsCheck;
using DuckDB.NET.Data;
using Headstart.Cache;
using Headstart.Cache.Parquet;
using Headstart.Models;
using Parquet;

namespace Headstart.Tests.Cache;

/// <summary>Layers that are stored as the bytes of an int8 network: the same floats come out, whoever reads them.</summary>
public sealed class ByteStorageTests : IDisposable
{
    private static readonly ModelLayer Layer = new("features", new LayerShape(20, 7, 7));

    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Every_float_comes_back_to_the_last_bit_whatever_the_grid()
    {
        var gen =
            from shape in Gen.Select(Gen.Int[1, 40], Gen.Int[1, 4], Gen.Int[1, 4], (c, h, w) => new LayerShape(c, h, w))
            from rows in Gen.Int[1, 40]
            from zero in Gen.Byte
            from scales in Gen.Float[1e-30f, 1e30f].Array[shape.Channels]
            from bytes in Gen.Byte.Array[shape.Length * rows]
            select (layer: Layer with { Shape = shape }, grid: Grid(zero, scales), bytes);
        await gen.SampleAsync(async sample =>
        {
            using var folder = new TemporaryFolder();
            var features = Floats(sample.bytes, sample.grid, sample.layer);
            await WriteAsync(folder.File("part-00000.parquet"), sample.layer, sample.grid, features);

            var cache = await FeatureCache.OpenAsync(folder.Path, CancellationToken.None);
            var read = (await CacheSamples.ReadLayerAsync(cache, Layer.Name)).SelectMany(r => r);
            var stored = new byte[sample.bytes.Length];
            await using var reader =
                await ParquetReader.CreateAsync(folder.File("part-00000.parquet"), cancellationToken: CancellationToken.None);
            await reader.OpenRowGroupReader(0).ReadRawAsync(
                new CacheSchema(cache.Contract).Layer(Layer.Name), stored.AsMemory(), new int[stored.Length].AsMemory(),
                new int[stored.Length].AsMemory(), CancellationToken.None);

            Assert.Equal(features.Select(BitConverter.SingleToInt32Bits), read.Select(BitConverter.SingleToInt32Bits));
            Assert.Equal(sample.bytes, stored);
        }, iter: 100, threads: 1);
    }

    /// <summary>
    /// A page holds about 1 MiB, and whole rows: here several, one, and one that is larger than that; and counts that don't fill the last
    /// group of eight.
    /// </summary>
    [Theory]
    [InlineData(400_001, 7)]
    [InlineData(600_000, 3)]
    [InlineData(1_200_003, 2)]
    [InlineData(1, 1_500_001)]
    public async Task Columns_of_several_pages_are_read_alike_by_both(int length, int rows)
    {
        var layer = Layer with { Shape = new LayerShape(1, length, 1) };
        var grid = Grid(3, 0.1f);
        var bytes = Bytes(length * rows);
        await WriteAsync(_folder.File("part-00000.parquet"), layer, grid, Floats(bytes, grid, layer));
        var (own, library) = (new byte[bytes.Length], new byte[bytes.Length]);

        await using var reader = await ParquetReader.CreateAsync(_folder.File("part-00000.parquet"), cancellationToken: Cancellation);
        var field = new CacheSchema(Contract(layer, grid)).Layer(Layer.Name);
        var group = reader.OpenRowGroupReader(0);
        Assert.True(
            LayerChunk.TryRead(File.ReadAllBytes(_folder.File("part-00000.parquet")), group.GetMetadata(field)!.MetaData!, length, own));
        await group.ReadRawAsync(field, library.AsMemory(), new int[own.Length].AsMemory(), new int[own.Length].AsMemory(), Cancellation);

        Assert.Equal(bytes, own);
        Assert.Equal(bytes, library);
    }

    [Theory]
    [InlineData(CompressionMethod.None)]
    [InlineData(CompressionMethod.Snappy)]
    [InlineData(CompressionMethod.Gzip)]
    public async Task Bytes_that_Parquet_Net_wrote_are_read_too(CompressionMethod compression)
    {
        var grid = Grid(7, [.. Enumerable.Range(1, 20).Select(i => i / 9f)]);
        var features = Floats(Bytes(Layer.Shape.Length * 9), grid, Layer);
        await WriteAsync(_folder.File("part-00000.parquet"), Layer, grid, features, compression);

        var cache = await FeatureCache.OpenAsync(_folder.Path, Cancellation);

        Assert.Equal(features, (await CacheSamples.ReadLayerAsync(cache, Layer.Name)).SelectMany(r => r));
    }

    [Fact]
    public async Task DuckDB_sees_the_bytes_and_with_the_documented_statement_the_floats()
    {
        // A column of floats and one of bytes in one file: their floats must be the same.
        var floats = new ModelLayer("floats", Layer.Shape);
        var grid = Grid(17, [.. Enumerable.Range(1, 20).Select(i => MathF.Sqrt(i) / 77)]);
        var bytes = Bytes(Layer.Shape.Length * 37);
        var features = Floats(bytes, grid, Layer);
        await WriteAsync(_folder.File("part-00000.parquet"), Layer, grid, features, others: [floats]);
        await using var connection = new DuckDBConnection("DataSource=:memory:");
        await connection.OpenAsync(Cancellation);

        Assert.Equal("UTINYINT[]", await OneAsync($"select typeof(features) from '{_folder.Path}/*.parquet' limit 1"));
        Assert.Equal(bytes.Sum(b => (long)b), await OneAsync($"select sum(list_sum(features))::bigint from '{_folder.Path}/*.parquet'"));
        var statement = Documented().Replace("cache/", _folder.Path + "/", StringComparison.Ordinal);
        Assert.Equal("FLOAT[]", await OneAsync($"select typeof(floats) from ({statement}) limit 1"));
        Assert.Equal(37L, await OneAsync(
            $"select count(*) from ({statement}) f join '{_folder.Path}/*.parquet' p using (path) where f.floats = p.floats"));

        async Task<object?> OneAsync(string sql)
        {
            await using var command = connection.CreateCommand();
            command.CommandText = sql;
            return await command.ExecuteScalarAsync(Cancellation);
        }

        static string Documented()
        {
            var text = File.ReadAllText(Path.Combine(Repository.Root, "docs", "CACHE-FORMAT.md"));
            var begin = text.IndexOf("select path, list_transform(features", StringComparison.Ordinal);
            return text[begin..text.IndexOf(';', begin)];
        }
    }

    [Fact]
    public async Task A_float_that_is_none_of_the_grid_is_refused_with_its_image()
    {
        var grid = Grid(3, 0.1f);
        var layer = Layer with { Shape = new LayerShape(1, 2, 1) };
        foreach (var bad in (float[])[0.25f, 26f, -0.4f, -0f, float.NaN, float.PositiveInfinity, MathF.BitIncrement(0.1f)])
        {
            var error = await Assert.ThrowsAsync<CommandException>(() => WriteAsync(_folder.File("p.parquet"), layer, grid, [0.1f, bad]));
            Assert.Contains("cats/0.jpg", error.Message, StringComparison.Ordinal);
            Assert.Contains("features", error.Message, StringComparison.Ordinal);
        }

        await WriteAsync(_folder.File("p.parquet"), layer, grid, [-0.1f * 3, 25.2f]);
    }

    [Fact]
    public async Task Pruning_keeps_bytes_bytes_and_verification_finds_every_flipped_bit()
    {
        var grid = Grid(0, [.. Enumerable.Range(1, 20).Select(i => i / 3f)]);
        var features = Floats(Bytes(Layer.Shape.Length * 6), grid, Layer);
        var path = _folder.File("part-00000.parquet");
        await WriteAsync(path, Layer, grid, features);

        await CachePruning.RemoveAsync(await FeatureCache.OpenAsync(_folder.Path, Cancellation), new HashSet<int> { 1, 4 }, Cancellation);

        var cache = await FeatureCache.OpenAsync(_folder.Path, Cancellation);
        Assert.Equal((LayerStorage.Bytes, 4), (cache.Contract.Storage, cache.Rows.Count));
        Assert.Equal(grid.Scales, cache.Contract.Grids[Layer.Name].Scales);
        var chunks = features.Chunk(Layer.Shape.Length).ToArray();
        Assert.Equal([chunks[0], chunks[2], chunks[3], chunks[5]], await CacheSamples.ReadLayerAsync(cache, Layer.Name));

        var whole = File.ReadAllBytes(path);
        var random = new Random(3);
        for (var i = 0; i < 200; i++)
        {
            var damaged = whole.ToArray();
            damaged[random.Next(damaged.Length)] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(path, damaged);
            Assert.Single((await CacheVerification.RunAsync(_folder.Path, Cancellation)).Damaged);
        }
    }

    /// <summary>Beneath the digest, which would find each of them: the page reader must hold by itself.</summary>
    [Fact]
    public async Task Damage_never_does_worse_than_an_error_or_other_values()
    {
        var grid = Grid(0, 1);
        var layer = Layer with { Shape = new LayerShape(1, 2, 5) };
        var path = _folder.File("part-00000.parquet");
        await WriteAsync(path, layer, grid, Floats(Bytes(400), grid, layer));
        var part = File.ReadAllBytes(path);
        await using var reader = await ParquetReader.CreateAsync(path, cancellationToken: Cancellation);
        var column = reader.OpenRowGroupReader(0).GetMetadata(new CacheSchema(Contract(layer, grid)).Layer(Layer.Name))!.MetaData!;
        var random = new Random(5);
        var refused = 0;
        for (var i = 0; i < 5000; i++)
        {
            var damaged = part.ToArray();
            for (var flips = random.Next(1, 4); flips > 0; flips--)
                damaged[column.DictionaryPageOffset!.Value + random.Next((int)column.TotalCompressedSize)] ^= (byte)(1 << random.Next(8));
            if (random.Next(4) == 0)
                damaged = damaged[..(int)(column.DictionaryPageOffset!.Value + random.Next((int)column.TotalCompressedSize))];
            try
            {
                if (!LayerChunk.TryRead(damaged, column, layer.Shape.Length, new byte[400]))
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
    public async Task A_cache_is_of_one_kind_and_one_of_floats_says_nothing_about_bytes()
    {
        var grid = Grid(0, [.. Enumerable.Repeat(1f, 20)]);
        var features = Floats(Bytes(Layer.Shape.Length), grid, Layer);
        await WriteAsync(_folder.File("part-00000.parquet"), Layer, grid, features);
        var floats = Contract(Layer, grid) with { Storage = LayerStorage.Floats, Grids = new Dictionary<string, ByteGrid>() };
        var builder = new PartBuilder(floats, 1);
        builder.Add(CacheSamples.Row(1), [features]);
        await builder.WriteAsync(_folder.File("part-00001.parquet"), Cancellation);

        var error = await Assert.ThrowsAsync<CommandException>(() => FeatureCache.OpenAsync(_folder.Path, Cancellation));

        Assert.Contains("has storage 'floats', but the parts before it have 'bytes'", error.Message, StringComparison.Ordinal);
        Assert.Null(floats.FirstDifference(Contract(Layer, grid)));
        var metadata = floats.ToMetadata();
        Assert.DoesNotContain("storage", Assert.Single(metadata).Value, StringComparison.Ordinal);
    }

    private static ByteGrid Grid(byte zero, params float[] scales) => new(zero, [.. scales.Select(s => (double)s)]);

    private static CacheContract Contract(ModelLayer layer, ByteGrid grid, params ModelLayer[] others) =>
        CacheSamples.Contract([layer, .. others]) with
        {
            Precision = "int8",
            Storage = LayerStorage.Bytes,
            Grids = new Dictionary<string, ByteGrid> { [layer.Name] = grid },
        };

    // Mostly zeros, as features are, and otherwise any byte.
    private static byte[] Bytes(int count)
    {
        var random = new Random(count);
        return [.. Enumerable.Range(0, count).Select(_ => (byte)(random.Next(3) == 0 ? random.Next(256) : 0))];
    }

    // As ONNX defines DequantizeLinear.
    private static float[] Floats(byte[] bytes, ByteGrid grid, ModelLayer layer) =>
        [.. bytes.Select((b, i) => (float)(
            b - grid.ZeroPoint) * (float)grid.Scales[i / (layer.Shape.Height * layer.Shape.Width) % layer.Shape.Channels])];

    /// <param name="others">Layers of floats with the same values.</param>
    private static async Task WriteAsync(
        string path, ModelLayer layer, ByteGrid grid, float[] features, CompressionMethod compression = CompressionMethod.Zstd,
        params ModelLayer[] others)
    {
        var length = layer.Shape.Length;
        var builder = new PartBuilder(Contract(layer, grid, others), features.Length / length, compression);
        for (var i = 0; i < features.Length / length; i++)
            builder.Add(
                CacheSamples.Row(i), [.. others.Prepend(layer).Select(_ => (ReadOnlyMemory<float>)features.AsMemory(i * length, length))]);
        await builder.WriteAsync(path, CancellationToken.None);
    }
}
