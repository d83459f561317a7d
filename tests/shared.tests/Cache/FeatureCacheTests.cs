using CsCheck;
using Headstart.Cache;
using Headstart.Models;
using Headstart.Preprocessing;

namespace Headstart.Tests.Cache;

public sealed class FeatureCacheTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task What_is_written_is_read_back_for_every_shape_and_value()
    {
        var bits = Gen.Int.Select(BitConverter.Int32BitsToSingle);
        var gen =
            from shape in Gen.Select(Gen.Int[1, 5], Gen.Int[1, 4], Gen.Int[1, 4], (c, h, w) => new LayerShape(c, h, w))
            from rows in Gen.Int[1, 9]
            from values in bits.Array[shape.Length * rows]
            select (shape, rows, values);
        await gen.SampleAsync(async sample =>
        {
            using var own = new TemporaryFolder();
            var contract = CacheSamples.Contract(new ModelLayer("pool", sample.shape));
            var writer = new CacheWriter(new CacheFolder(own.Path), contract, TimeProvider.System);
            for (var i = 0; i < sample.rows; i++)
                await writer.AddAsync(CacheSamples.Row(i), [sample.values.AsMemory(i * sample.shape.Length, sample.shape.Length)]);
            await writer.FlushAsync();

            var cache = await FeatureCache.OpenAsync(own.Path, CancellationToken.None);
            var read = (await CacheSamples.ReadLayerAsync(cache, "pool")).SelectMany(r => r).Select(BitConverter.SingleToInt32Bits);
            Assert.Equal(sample.values.Select(BitConverter.SingleToInt32Bits), read);
            Assert.Equal(Enumerable.Range(0, sample.rows).Select(CacheSamples.Row), cache.Rows);
        }, iter: 50, threads: 1);
    }

    [Fact]
    public async Task Several_parts_and_layers_are_read_in_order()
    {
        var contract = CacheSamples.Contract(new("block1_pool", new(4, 8, 8)), new("logits", new(7, 1, 1)));
        await CacheSamples.WriteAsync(_folder.Path, contract, 0, 5);
        await CacheSamples.WriteAsync(_folder.Path, contract, 5, 4);

        var cache = await FeatureCache.OpenAsync(_folder.Path, CancellationToken.None);

        Assert.Equal(["part-00000.parquet", "part-00001.parquet"], cache.RowGroups.Select(g => Path.GetFileName(g.PartPath)));
        Assert.Equal(Enumerable.Range(0, 9).Select(CacheSamples.Row), cache.Rows);
        foreach (var layer in contract.Layers)
            Assert.Equal(
                Enumerable.Range(0, 9).Select(i => CacheSamples.Features(i, layer)), await CacheSamples.ReadLayerAsync(cache, layer.Name));
    }

    [Fact]
    public async Task A_part_is_closed_when_it_reaches_its_size()
    {
        // 9 MiB a row: three fit into 32 MiB.
        var layer = new ModelLayer("wide", new LayerShape(9, 512, 512));
        await CacheSamples.WriteAsync(_folder.Path, CacheSamples.Contract(layer), 0, 5);

        var cache = await FeatureCache.OpenAsync(_folder.Path, CancellationToken.None);

        Assert.Equal([3, 2], cache.RowGroups.Select(g => g.RowCount));
    }

    [Fact]
    public async Task Each_part_has_its_sha256_beside_it_as_sha256sum_writes_it()
    {
        await CacheSamples.WriteAsync(_folder.Path, CacheSamples.Contract(), 0, 3);

        var expected =
            Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(_folder.File("part-00000.parquet"))));
        Assert.Equal($"{expected}  part-00000.parquet\n", File.ReadAllText(_folder.File("part-00000.parquet.sha256")));
    }

    [Fact]
    public async Task Removing_rows_keeps_the_others_as_they_were()
    {
        var contract = CacheSamples.Contract();
        await CacheSamples.WriteAsync(_folder.Path, contract, 0, 4);
        await CacheSamples.WriteAsync(_folder.Path, contract, 4, 3);
        await CacheSamples.WriteAsync(_folder.Path, contract, 7, 2);

        await CachePruning.RemoveAsync(
            await FeatureCache.OpenAsync(_folder.Path, CancellationToken.None), new HashSet<int> { 1, 4, 5, 6 }, CancellationToken.None);

        var cache = await FeatureCache.OpenAsync(_folder.Path, CancellationToken.None);
        int[] kept = [0, 2, 3, 7, 8];
        Assert.Equal(kept.Select(CacheSamples.Row), cache.Rows);
        Assert.Equal(kept.Select(i => CacheSamples.Features(i, contract.Layers[0])), await CacheSamples.ReadLayerAsync(cache, "pool"));
        Assert.Equal(
            ["part-00000.parquet", "part-00002.parquet"], Directory.GetFiles(_folder.Path, "*.parquet").Select(Path.GetFileName).Order());
        Assert.Equal(2, Directory.GetFiles(_folder.Path, "*.sha256").Length);
        Assert.All(Directory.GetFiles(_folder.Path, "*.sha256"), digest => Assert.Single(File.ReadAllLines(digest)));
    }

    [Fact]
    public async Task Parts_of_different_preprocessing_are_refused_with_the_field()
    {
        var contract = CacheSamples.Contract();
        await CacheSamples.WriteAsync(_folder.Path, contract, 0, 2);
        await CacheSamples.WriteAsync(
            _folder.Path, contract with { Preprocessing = Presets.Keras with { Channels = ChannelOrder.Rgb } }, 2, 2);

        var error = await Assert.ThrowsAsync<CommandException>(() => FeatureCache.OpenAsync(_folder.Path, CancellationToken.None));

        Assert.Contains("preprocessing.channels", error.Message, StringComparison.Ordinal);
        Assert.Contains("part-00001.parquet", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_contract_differs_in_provider_and_tool_without_being_another_contract()
    {
        var contract = CacheSamples.Contract();
        Assert.Null(contract.FirstDifference(contract with { Provider = "cuda", Tool = "9" }));
        Assert.Equal("modelSha256", contract.FirstDifference(contract with { ModelSha256 = "b" })!.Field);
        Assert.Equal(
            "precision", contract.FirstDifference(contract with { Model = "m-int8", ModelSha256 = "b", Precision = "int8" })!.Field);
        await Task.CompletedTask;
    }

    [Theory]
    [InlineData("no-such-folder", "No cache in")]
    [InlineData("", "No cache in")]
    public async Task An_absent_or_empty_folder_is_named(string name, string expected)
    {
        var error = await Assert.ThrowsAsync<CommandException>(() => FeatureCache.OpenAsync(_folder.File(name), CancellationToken.None));
        Assert.StartsWith(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_layer_that_is_not_there_is_answered_with_those_that_are()
    {
        await CacheSamples.WriteAsync(_folder.Path, CacheSamples.Contract(), 0, 1);
        var cache = await FeatureCache.OpenAsync(_folder.Path, CancellationToken.None);

        Assert.Contains("It has: pool.", Assert.Throws<CommandException>(() => cache.Layer("pol")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Features_are_not_read_from_a_part_that_has_changed()
    {
        await CacheSamples.WriteAsync(_folder.Path, CacheSamples.Contract(), 0, 20);
        var cache = await FeatureCache.OpenAsync(_folder.Path, CancellationToken.None);
        var part = _folder.File("part-00000.parquet");
        var bytes = File.ReadAllBytes(part);
        bytes[bytes.Length / 2] ^= 1;
        File.WriteAllBytes(part, bytes);

        var error = await Assert.ThrowsAsync<CommandException>(() => CacheSamples.ReadLayerAsync(cache, "pool"));

        Assert.Contains("not those that were written", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_part_cut_short_at_any_tenth_is_named_and_never_crashes()
    {
        await CacheSamples.WriteAsync(_folder.Path, CacheSamples.Contract(), 0, 20);
        var part = _folder.File("part-00000.parquet");
        var whole = File.ReadAllBytes(part);
        for (var tenth = 0; tenth < 10; tenth++)
        {
            File.WriteAllBytes(part, whole[..(whole.Length * tenth / 10)]);
            var error = await Assert.ThrowsAsync<CommandException>(() => FeatureCache.OpenAsync(_folder.Path, CancellationToken.None));
            Assert.Contains("part-00000.parquet", error.Message, StringComparison.Ordinal);
        }
    }
}
