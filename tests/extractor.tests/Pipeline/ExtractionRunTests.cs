using Headstart.Cache;
using Headstart.CommandLine;
using Headstart.Extraction.Pipeline;
using Headstart.Images;
using Headstart.Models;

namespace Headstart.Tests.Pipeline;

public sealed class ExtractionRunTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ModelFile _model;

    public ExtractionRunTests()
    {
        _model = TinyNetwork.Write(_folder.File("tiny.onnx"));
        for (var i = 0; i < 11; i++)
            WritePicture($"pictures/{(i % 2 == 0 ? "cats" : "dogs")}/{i:D2}.jpg", i);
    }

    private CancellationToken Cancellation { get; } = TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_number_of_workers_never_changes_the_rows()
    {
        await RunAsync("one", workers: 1);
        await RunAsync("five", workers: 5);

        Assert.Equal(await ReadAsync("one"), await ReadAsync("five"));
    }

    [Fact]
    public async Task Rows_come_in_the_order_of_the_picture_set_with_what_was_found()
    {
        var result = await RunAsync("cache");

        var cache = await FeatureCache.OpenAsync(_folder.File("cache"), Cancellation);
        var items = ImageSet.Open(_folder.File("pictures")).Items;
        Assert.Equal(items.Select(i => (i.Path, i.Label, i.Split)), cache.Rows.Select(r => (r.Path, r.Label, r.Split)));
        Assert.All(cache.Rows, r => Assert.Equal((40, 30, 0), (r.Width, r.Height, r.View)));
        Assert.All(cache.Rows, r => Assert.Equal(ImageLoader.Digest(_folder.File("pictures", r.Path)), r.Sha256));
        Assert.Equal((11, 11, 0, 0, 0), (result.Images, result.Computed, result.Reused, result.Removed, result.Rejected));
        Assert.Equal(["block1_pool", "block2_pool"], result.Layers.Keys);
        Assert.Equal("seeded, not pretrained", cache.Contract.ModelNote);
    }

    [Fact]
    public async Task An_image_gives_the_same_features_in_any_company()
    {
        await RunAsync("together", batch: 4);
        foreach (var (row, _) in await ReadAsync("together"))
        {
            if (row.Path != "dogs/07.jpg")
                File.Delete(_folder.File("pictures", row.Path));
        }

        await RunAsync("alone", batch: 4);

        Assert.Equal((await ReadAsync("together")).Single(r => r.Row.Path == "dogs/07.jpg"), Assert.Single(await ReadAsync("alone")));
    }

    [Fact]
    public async Task A_second_run_computes_only_what_is_new_or_changed_and_drops_what_is_gone()
    {
        await RunAsync("cache");
        File.Delete(_folder.File("pictures/cats/02.jpg"));
        WritePicture("pictures/dogs/03.jpg", 99);
        WritePicture("pictures/birds/1.jpg", 100);

        var second = await RunAsync("cache");
        var third = await RunAsync("cache");

        Assert.Equal((11, 2, 9, 1), (second.Images, second.Computed, second.Reused, second.Removed));
        Assert.Equal((11, 0, 11, 0), (third.Images, third.Computed, third.Reused, third.Removed));
        await RunAsync("fresh");
        Assert.Equal(await SortedAsync("fresh"), await SortedAsync("cache"));
    }

    [Fact]
    public async Task Moved_renamed_and_relabelled_images_are_not_computed_again()
    {
        await RunAsync("cache");
        File.Move(_folder.File("pictures/cats/00.jpg"), _folder.File("pictures/cats/renamed.jpg"));
        File.Move(_folder.File("pictures/cats/02.jpg"), _folder.File("pictures/dogs/02.jpg"));

        var result = await RunAsync("cache");

        Assert.Equal((11, 0, 11, 2, 0), (result.Images, result.Computed, result.Reused, result.Moved, result.Removed));
        await RunAsync("fresh");
        Assert.Equal(await SortedAsync("fresh"), await SortedAsync("cache"));
    }

    [Fact]
    public async Task Exact_duplicates_are_computed_once_whenever_they_come()
    {
        File.Copy(_folder.File("pictures/cats/00.jpg"), _folder.File("pictures/dogs/copy-1.jpg"));
        File.Copy(_folder.File("pictures/cats/00.jpg"), _folder.File("pictures/dogs/copy-2.jpg"));
        var first = await RunAsync("cache");
        File.Copy(_folder.File("pictures/cats/00.jpg"), _folder.File("pictures/dogs/copy-3.jpg"));
        var second = await RunAsync("cache");

        Assert.Equal((13, 11, 2, 0), (first.Images, first.Computed, first.Duplicates, first.Reused));
        Assert.Equal((14, 0, 0, 14), (second.Images, second.Computed, second.Duplicates, second.Reused));
        var rows = await ReadAsync("cache");
        Assert.Equal(14, rows.Select(r => r.Row.Path).Distinct().Count());
        Assert.Single(rows.Where(r => r.Row.Sha256 == rows.Single(x => x.Row.Path == "cats/00.jpg").Row.Sha256).Select(r => r.Features).Distinct());
    }

    [Fact]
    public async Task A_changed_file_is_seen_by_its_time_or_size_and_on_demand_by_its_bytes()
    {
        await RunAsync("cache");
        var path = _folder.File("pictures/cats/00.jpg");
        var settled = new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        File.SetLastWriteTimeUtc(path, settled);
        await RunAsync("cache");

        // Same size, same time, other bytes: a JPEG's last byte after its end marker is no picture.
        var bytes = File.ReadAllBytes(path);
        bytes[^1] ^= 1;
        File.WriteAllBytes(path, bytes);
        File.SetLastWriteTimeUtc(path, settled);

        Assert.Equal(0, (await RunAsync("cache")).Computed);
        using var network = Load(_model);
        var rehashed = await new ExtractionRun(
            ImageSet.Open(_folder.File("pictures")), network, new CacheFolder(_folder.File("cache")), new ExtractionSettings(4, 2, Rehash: true), TimeProvider.System)
            .RunAsync(_ => new Callback(_ => { }), Cancellation);
        Assert.Equal(10, rehashed.Reused);
    }

    [Fact]
    public async Task A_link_to_another_picture_is_another_picture()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need rights on Windows.");
        var link = _folder.File("pictures/cats/link.jpg");
        File.CreateSymbolicLink(link, WriteOutside("first.jpg", 77));
        await RunAsync("cache");
        File.Delete(link);
        File.CreateSymbolicLink(link, WriteOutside("other.jpg", 78));

        Assert.Equal(1, (await RunAsync("cache")).Computed);

        string WriteOutside(string name, int seed)
        {
            WritePicture(name, seed);
            File.SetLastWriteTimeUtc(_folder.File(name), new DateTime(2020, 1, seed - 70, 0, 0, 0, DateTimeKind.Utc));
            return _folder.File(name);
        }
    }

    [Fact]
    public async Task Images_that_cannot_be_used_are_listed_and_the_others_kept()
    {
        _folder.Write("pictures/cats/text.jpg", "no picture, \"at all\""u8);
        _folder.Write("pictures/dogs/empty.png", []);

        var result = await RunAsync("cache");

        Assert.Equal((13, 11, 2), (result.Images, result.Computed, result.Rejected));
        var lines = File.ReadAllLines(_folder.File("cache/rejected.csv"));
        Assert.Equal("path,reason", lines[0]);
        Assert.Equal(["cats/text.jpg", "dogs/empty.png"], lines[1..].Select(l => l.Split(',')[0]));
        Assert.DoesNotContain(await ReadAsync("cache"), r => r.Row.Path.Contains("text", StringComparison.Ordinal));

        File.Delete(_folder.File("pictures/cats/text.jpg"));
        File.Delete(_folder.File("pictures/dogs/empty.png"));
        Assert.Null((await RunAsync("cache")).RejectedFile);
        Assert.False(File.Exists(_folder.File("cache/rejected.csv")));
    }

    [Fact]
    public async Task A_cache_from_another_model_is_refused_with_the_field_and_left_as_it_is()
    {
        await RunAsync("cache");
        var before = await ReadAsync("cache");
        using var other = Load(TinyNetwork.Write(_folder.File("other.onnx"), seed: 2));

        var error = await Assert.ThrowsAsync<CommandException>(() => RunAsync("cache", other));

        Assert.Contains("was made with modelSha256", error.Message, StringComparison.Ordinal);
        Assert.Equal(before, await ReadAsync("cache"));
    }

    [Fact]
    public async Task The_rows_of_shards_in_any_order_equal_those_of_one_run()
    {
        using var network = Load(_model);
        foreach (var index in new[] { 2, 0, 3, 1, 2 })
            await RunShardAsync(network, new Shard(index, 4));

        await RunAsync("whole");
        Assert.Equal(await SortedAsync("whole"), await SortedAsync("sharded"));
        Assert.All(Directory.GetFiles(_folder.File("sharded"), "*.parquet"), p => Assert.Matches("part-[0-3]-of-4-00000.parquet$", p));
    }

    [Fact]
    public async Task A_shard_touches_only_its_own_rows_and_a_run_over_everything_takes_over()
    {
        using var network = Load(_model);
        for (var index = 0; index < 3; index++)
            await RunShardAsync(network, new Shard(index, 3));
        var gone = ImageSet.Open(_folder.File("pictures")).Items.Where(i => new Shard(1, 3).Owns(i.Path)).ToList();
        gone.ForEach(i => File.Delete(i.File));

        Assert.Equal(0, (await RunShardAsync(network, new Shard(0, 3))).Removed);
        Assert.Equal(11, (await ReadAsync("sharded")).Count);
        Assert.Equal(gone.Count, (await RunAsync("sharded", network)).Removed);
        Assert.Equal(11 - gone.Count, (await ReadAsync("sharded")).Count);
    }

    [Fact]
    public async Task Another_number_of_shards_is_refused()
    {
        using var network = Load(_model);
        await RunShardAsync(network, new Shard(0, 3));

        var error = await Assert.ThrowsAsync<CommandException>(() => RunShardAsync(network, new Shard(0, 2)));

        Assert.Contains("part-0-of-3-00000.parquet is not of 2 shards", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cancelled_run_keeps_what_it_computed_and_the_next_one_goes_on_from_there()
    {
        using var stop = new CancellationTokenSource();
        using var network = Load(_model);
        var run = new ExtractionRun(ImageSet.Open(_folder.File("pictures")), network, new CacheFolder(_folder.File("cache")), new ExtractionSettings(2, 2), TimeProvider.System);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run.RunAsync(_ => new Callback(_ => stop.Cancel()), stop.Token));

        var result = await RunAsync("cache", batch: 2);

        Assert.InRange(result.Reused, 1, 10);
        Assert.Equal(11, result.Computed + result.Reused);
        await RunAsync("whole", batch: 2);
        Assert.Equal(await ReadAsync("whole"), await ReadAsync("cache"));
    }

    [Fact]
    public async Task A_fault_while_writing_ends_the_run_instead_of_hanging()
    {
        using var network = Load(_model);
        var run = new ExtractionRun(ImageSet.Open(_folder.File("pictures")), network, new CacheFolder(_folder.File("cache")), new ExtractionSettings(2, 2), TimeProvider.System);

        var fault = await Assert.ThrowsAsync<InvalidOperationException>(
            () => run.RunAsync(_ => new Callback(_ => throw new InvalidOperationException("writer")), Cancellation));

        Assert.Equal("writer", fault.Message);
    }

    [Fact]
    public void A_layer_that_is_not_there_is_answered_with_those_that_are()
    {
        var error = Assert.Throws<CommandException>(() => BaseNetwork.Load(_model, ["block9_pool"], ExecutionDevice.Cpu, 1));
        Assert.Contains("block1_pool, block2_pool", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_gpu_cuda_says_what_is_missing_and_auto_goes_on()
    {
        Assert.SkipWhen(Microsoft.ML.OnnxRuntime.OrtEnv.Instance().GetAvailableProviders().Contains("CUDAExecutionProvider"), "This build has CUDA.");

        var error = Assert.Throws<CommandException>(() => BaseNetwork.Load(_model, [], ExecutionDevice.Cuda, 1));
        using var network = BaseNetwork.Load(_model, [], ExecutionDevice.Auto, 1);

        Assert.Contains("-p:Accelerator=cuda", error.Message, StringComparison.Ordinal);
        Assert.Equal("cpu", network.Provider.Name);
        Assert.StartsWith("Running on the CPU: ", network.Provider.Notice, StringComparison.Ordinal);
    }

    private static BaseNetwork Load(ModelFile model) => BaseNetwork.Load(model, [], ExecutionDevice.Cpu, threads: 1);

    private async Task<ExtractionResult> RunAsync(string cache, int batch = 4, int workers = 2)
    {
        using var network = Load(_model);
        return await RunAsync(cache, network, batch, workers);
    }

    private Task<ExtractionResult> RunAsync(string cache, BaseNetwork network, int batch = 4, int workers = 2) =>
        new ExtractionRun(ImageSet.Open(_folder.File("pictures")), network, new CacheFolder(_folder.File(cache)), new ExtractionSettings(batch, workers), TimeProvider.System)
            .RunAsync(_ => new Callback(_ => { }), Cancellation);

    private Task<ExtractionResult> RunShardAsync(BaseNetwork network, Shard shard) =>
        new ExtractionRun(
            ImageSet.Open(_folder.File("pictures")).Where(i => shard.Owns(i.Path)), network, new CacheFolder(_folder.File("sharded"), shard), new ExtractionSettings(4, 2), TimeProvider.System)
            .RunAsync(_ => new Callback(_ => { }), Cancellation);

    /// <summary>Each row with its features as bits, so that equal means equal.</summary>
    private async Task<List<(CacheRow Row, string Features)>> ReadAsync(string name)
    {
        var cache = await FeatureCache.OpenAsync(_folder.File(name), Cancellation);
        var rows = cache.Rows.Select(r => (Row: r, Features: "")).ToList();
        foreach (var layer in cache.Contract.Layers)
        {
            foreach (var group in cache.RowGroups)
            {
                var values = new float[group.RowCount * layer.Shape.Length];
                await cache.ReadAsync(group, layer.Name, values, Cancellation);
                for (var i = 0; i < group.RowCount; i++)
                {
                    var bits = System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan(i * layer.Shape.Length, layer.Shape.Length));
                    var (row, features) = rows[group.FirstRow + i];
                    rows[group.FirstRow + i] = (row, features + Convert.ToHexString(bits));
                }
            }
        }

        return rows;
    }

    private async Task<IEnumerable<(CacheRow Row, string Features)>> SortedAsync(string name) =>
        (await ReadAsync(name)).OrderBy(r => r.Row.Path, StringComparer.Ordinal).ThenBy(r => r.Row.View);

    private void WritePicture(string name, int seed)
    {
        var pixels = new byte[40 * 30 * 3];
        new Random(seed).NextBytes(pixels);
        _folder.Write(name, ImageEncoder.Jpeg(new RgbImage(40, 30, pixels), quality: 90));
    }

    private sealed class Callback(Action<int> report) : IProgress<int>
    {
        public void Report(int value) => report(value);
    }
}
