using Headstart.Cache;
using Headstart.Extraction.Quantization;
using Headstart.Models;
using Headstart.Models.Onnx;
using static Headstart.Tests.Models.OnnxSamples;
using DataType = Headstart.Models.Onnx.TensorProto.Types.DataType;

namespace Headstart.Tests.Pipeline;

/// <summary>A cache that holds the bytes of an int8 model, beside one of the same model's floats.</summary>
public sealed class ByteCacheTests : IDisposable
{
    private readonly ExtractionSample _sample = new(pictures: 11);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _sample.Dispose();

    [Fact]
    public async Task Bytes_give_the_floats_to_the_last_bit_in_the_same_parts_and_less_room()
    {
        var model = _sample.Quantize();
        await _sample.RunAsync("floats", model: model, views: 2);
        await _sample.RunAsync("bytes", model: model, views: 2, store: LayerStorage.Bytes);

        Assert.Equal(await _sample.ReadAsync("floats"), await _sample.ReadAsync("bytes"));
        var (floats, bytes) = (await OpenAsync("floats"), await OpenAsync("bytes"));
        Assert.Equal(floats.RowGroups.Select(g => g.RowCount), bytes.RowGroups.Select(g => g.RowCount));
        Assert.Equal(["block1_pool", "block2_pool"], bytes.Contract.Grids.Keys.Order());
        Assert.Empty(floats.Contract.Grids);
        Assert.InRange(Size("bytes"), 1, Size("floats") / 2);
    }

    [Fact]
    public async Task A_layer_that_the_model_computes_in_float32_stays_floats()
    {
        var model = _sample.Quantize("block2");
        await _sample.RunAsync("floats", model: model);
        await _sample.RunAsync("bytes", model: model, store: LayerStorage.Bytes);

        Assert.Equal("block1_pool", Assert.Single((await OpenAsync("bytes")).Contract.Grids).Key);
        Assert.Equal(await _sample.ReadAsync("floats"), await _sample.ReadAsync("bytes"));
    }

    [Fact]
    public async Task A_cache_goes_on_in_its_own_kind_and_the_other_is_refused()
    {
        var model = _sample.Quantize();
        await _sample.RunAsync("floats", model: model);
        await _sample.RunAsync("bytes", model: model, store: LayerStorage.Bytes);
        _sample.WritePicture("dogs/new.jpg", 50);

        foreach (var (cache, other) in new[] { ("bytes", LayerStorage.Floats), ("floats", LayerStorage.Bytes) })
        {
            var error = await Assert.ThrowsAsync<CommandException>(() => _sample.RunAsync(cache, model: model, store: other));
            Assert.Contains($"was made with storage '{cache}'", error.Message, StringComparison.Ordinal);
            Assert.Equal(1, (await _sample.RunAsync(cache, model: model)).Computed);
        }

        Assert.Equal(LayerStorage.Bytes, (await OpenAsync("bytes")).Contract.Storage);
        Assert.Equal(await _sample.ReadAsync("floats"), await _sample.ReadAsync("bytes"));
    }

    [Fact]
    public async Task A_cancelled_run_goes_on_and_moved_changed_and_lost_images_and_shards_are_as_ever()
    {
        var model = _sample.Quantize();
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => _sample.RunAsync("bytes", batch: 2, model: model, store: LayerStorage.Bytes, stop: stop));
        Assert.InRange((await _sample.RunAsync("bytes", batch: 2, model: model)).Reused, 1, 10);

        File.Delete(_sample.Picture("cats/02.jpg"));
        File.Move(_sample.Picture("cats/04.jpg"), _sample.Picture("dogs/moved.jpg"));
        File.Copy(_sample.Picture("cats/00.jpg"), _sample.Picture("dogs/copy.jpg"));
        _sample.WritePicture("dogs/03.jpg", 99);
        var result = await _sample.RunAsync("bytes", batch: 2, model: model);
        await _sample.RunAsync("floats", batch: 2, model: model);
        for (var shard = 0; shard < 2; shard++)
            await _sample.RunAsync("shards", batch: 2, model: model, store: LayerStorage.Bytes, shard: new Shard(shard, 2));

        Assert.Equal((1, 10, 1, 1), (result.Computed, result.Reused, result.Moved, result.Removed));
        Assert.Equal(await _sample.SortedAsync("floats"), await _sample.SortedAsync("bytes"));
        Assert.Equal(await _sample.SortedAsync("floats"), await _sample.SortedAsync("shards"));
        Assert.Empty((await CacheVerification.RunAsync(_sample.Folder.File("bytes"), Cancellation)).Damaged);
    }

    [Fact]
    public async Task A_layer_is_added_as_bytes_also_where_a_run_was_killed_meanwhile()
    {
        var model = _sample.Quantize();
        await _sample.RunAsync("floats", model: model);
        await _sample.RunAsync("bytes", model: model, layers: ["block2_pool"], store: LayerStorage.Bytes);
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _sample.RunAsync("bytes", batch: 2, model: model, stop: stop));

        var result = await _sample.RunAsync("bytes", batch: 2, model: model);

        Assert.Equal("block1_pool", Assert.Single(result.Added!.Layers));
        Assert.Equal(["block1_pool", "block2_pool"], (await OpenAsync("bytes")).Contract.Grids.Keys.Order());
        Assert.Equal(await _sample.SortedAsync("floats"), await _sample.SortedAsync("bytes"));
    }

    /// <summary>What other quantisers write; each as ONNX defines it.</summary>
    [Fact]
    public void Grids_are_read_from_the_graph_where_it_says_them()
    {
        ModelLayer[] layers =
            [.. ((string[])["signed", "channels", "mixed", "computed", "float"]).Select(n => new ModelLayer(n, new LayerShape(2, 4, 4)))];
        var model = Model(
            13,
            Input("x", DataType.Uint8, 1, 2, 4, 4),
            [.. layers.Select(l => l.Name)],
            [
                Node("DequantizeLinear", ["x", "one", "minus"], "signed"),
                Node("DequantizeLinear", ["x", "two", "zeros"], "channels", Int("axis", 1)),
                Node("DequantizeLinear", ["x", "two", "different"], "mixed", Int("axis", 1)),
                Node("Identity", ["one"], "same"),
                Node("DequantizeLinear", ["x", "same", "zero"], "computed"),
                Node("Cast", ["x"], "float", Int("to", 1)),
            ],
            OnnxTensor.FromFloats("one", [0.1f]),
            OnnxTensor.FromFloats("two", [0.1f, 0.3f], 2),
            Whole("minus", DataType.Int8, -28),
            Whole("zero", DataType.Uint8, 4),
            Whole("zeros", DataType.Uint8, 4, 4),
            Whole("different", DataType.Uint8, 4, 5));

        var grids = ByteLayers.Of(model, layers);

        Assert.Equal(["channels", "signed"], grids.Keys.Order());
        Assert.Equal(
            ((byte)100, 0.1f, 0.1f), (grids["signed"].ZeroPoint, (float)grids["signed"].Scales[0], (float)grids["signed"].Scales[1]));
        Assert.Equal(
            ((byte)4, 0.1f, 0.3f), (grids["channels"].ZeroPoint, (float)grids["channels"].Scales[0], (float)grids["channels"].Scales[1]));

        static TensorProto Whole(string name, DataType type, params int[] values)
        {
            var tensor = new TensorProto { Name = name, DataType = (int)type };
            tensor.Int32Data.AddRange(values);
            if (values.Length > 1)
                tensor.Dims.Add(values.Length);
            return tensor;
        }
    }

    private Task<FeatureCache> OpenAsync(string name) => FeatureCache.OpenAsync(_sample.Folder.File(name), Cancellation);

    private long Size(string name) => Directory.EnumerateFiles(_sample.Folder.File(name), "*.parquet").Sum(f => new FileInfo(f).Length);
}
