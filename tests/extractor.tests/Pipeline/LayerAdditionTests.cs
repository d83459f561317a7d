using Headstart.Cache;
using Headstart.Extraction.Import;
using Headstart.Extraction.Pipeline;
using Headstart.Extraction.Runtime;
using Headstart.Images;
using Headstart.Models;

namespace Headstart.Tests.Pipeline;

public sealed class LayerAdditionTests : IDisposable
{
    private const string Shallow = "block1_pool";
    private const string Deep = "block2_pool";

    private readonly ExtractionSample _sample = new(pictures: 9);

    private CancellationToken Cancellation { get; } = TestContext.Current.CancellationToken;

    public void Dispose() => _sample.Dispose();

    /// <summary>Bit for bit for this network; elsewhere the last bits may differ, which the documents say.</summary>
    [Fact]
    public async Task A_deeper_layer_is_computed_from_the_cached_one_without_reading_an_image()
    {
        var settled = new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        var images = _sample.Images.Items.Select(i => (i.File, Bytes: File.ReadAllBytes(i.File))).ToList();
        images.ForEach(i => File.SetLastWriteTimeUtc(i.File, settled));
        await _sample.RunAsync("cache", views: 2, layers: [Shallow]);
        foreach (var image in images)
        {
            // Same size and time, so that only who reads it would notice.
            File.WriteAllBytes(image.File, new byte[image.Bytes.Length]);
            File.SetLastWriteTimeUtc(image.File, settled);
        }

        var result = await RunAgainAsync();

        Assert.Equal((9, 0, 9, 0), (result.Images, result.Computed, result.Reused, result.Rejected));
        Assert.Equal((Deep, Shallow, 27), (Assert.Single(result.Added!.Layers), Assert.Single(result.Added.From), result.Added.Rows));
        images.ForEach(i => File.WriteAllBytes(i.File, i.Bytes));
        await AssertIsWholeAsync("cache", views: 2);
    }

    [Fact]
    public async Task A_shallower_layer_takes_one_more_pass_over_the_images_and_says_so()
    {
        await _sample.RunAsync("cache", views: 2, seed: 3, layers: [Deep]);
        var before = await _sample.SortedAsync("cache", [Deep]);
        var said = new List<string>();

        var result = await RunAgainAsync(said);

        Assert.Equal((9, 0, 9), (result.Images, result.Computed, result.Reused));
        Assert.Equal((Shallow, 0, 27), (Assert.Single(result.Added!.Layers), result.Added.From.Count, result.Added.Rows));
        Assert.Contains("one more pass over 27 rows' images", Assert.Single(said), StringComparison.Ordinal);
        Assert.Equal(before, await _sample.SortedAsync("cache", [Deep]));
        await AssertIsWholeAsync("cache", views: 2, seed: 3);
    }

    [Fact]
    public async Task Layers_of_a_cache_are_kept_when_fewer_are_asked_for_and_new_images_get_them_all()
    {
        await _sample.RunAsync("cache", layers: [Shallow, Deep]);
        using var fewer = BaseNetwork.Load(_sample.Model, [Deep], ExecutionDevice.Cpu, threads: 1);
        var run = new ExtractionRun(
            _sample.Images, fewer, new CacheFolder(_sample.Folder.File("cache")), new ExtractionSettings(4, 2), TimeProvider.System);

        // The command adds the cache's layers to those asked for before it loads the network; a run without them must not start.
        var error = await Assert.ThrowsAsync<CommandException>(() => run.RunAsync(_ => new Progress<int>(), Cancellation));

        Assert.Contains($"has been given the layer {Shallow}", error.Message, StringComparison.Ordinal);
        await AssertIsWholeAsync("cache");
    }

    [Fact]
    public async Task New_changed_moved_and_vanished_images_and_a_new_layer_come_in_one_run()
    {
        await _sample.RunAsync("cache", layers: [Shallow]);
        _sample.WritePicture("cats/new.jpg", 50);
        _sample.WritePicture("dogs/01.jpg", 51);
        File.Move(_sample.Picture("cats/02.jpg"), _sample.Picture("dogs/moved.jpg"));
        File.Delete(_sample.Picture("cats/04.jpg"));

        var result = await _sample.RunAsync("cache");

        Assert.Equal((9, 2, 7, 1, 1, 7), (result.Images, result.Computed, result.Reused, result.Moved, result.Removed, result.Added!.Rows));
        await AssertIsWholeAsync("cache");
    }

    [Theory]
    [InlineData(Shallow)]
    [InlineData(Deep)]
    public async Task A_run_that_was_stopped_while_adding_shows_the_old_cache_and_goes_on_where_it_was(string first)
    {
        await _sample.RunAsync("cache", layers: [first]);
        var before = await _sample.ReadAsync("cache");
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _sample.RunAsync("cache", batch: 2, stop: stop));

        Assert.Equal(before, await _sample.ReadAsync("cache"));
        Assert.True((await CacheVerification.RunAsync(_sample.Folder.File("cache"), Cancellation)).Damaged.Count == 0);
        var said = new List<string>();
        await RunAgainAsync(said);

        Assert.Matches("[1-8] rows", Assert.Single(said));
        await AssertIsWholeAsync("cache");
        Assert.Empty(Directory.GetDirectories(_sample.Folder.File("cache")));
    }

    [Fact]
    public async Task What_was_begun_for_other_layers_is_thrown_away()
    {
        await _sample.RunAsync("cache", layers: [Deep]);
        await _sample.RunAsync("other", layers: [Deep]);
        var begun = Directory.CreateDirectory(_sample.Folder.File("cache/.adding")).FullName;
        foreach (var file in Directory.GetFiles(_sample.Folder.File("other"), "part-*"))
            File.Copy(file, Path.Combine(begun, Path.GetFileName(file)));

        await _sample.RunAsync("cache");

        await AssertIsWholeAsync("cache");
    }

    [Fact]
    public async Task What_was_begun_and_is_no_longer_wanted_leaves_no_trace()
    {
        await _sample.RunAsync("cache", layers: [Deep]);
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _sample.RunAsync("cache", batch: 2, stop: stop));
        Assert.Single(Directory.GetDirectories(_sample.Folder.File("cache")));

        await _sample.RunAsync("cache", layers: [Deep]);

        Assert.Empty(Directory.GetDirectories(_sample.Folder.File("cache")));
        Assert.Equal(Deep, Assert.Single((await FeatureCache.OpenAsync(_sample.Folder.File("cache"), Cancellation)).Contract.Layers).Name);
    }

    [Fact]
    public async Task Shards_add_each_for_itself_and_readers_see_what_all_have()
    {
        foreach (var shard in new[] { new Shard(0, 2), new Shard(1, 2) })
            await _sample.RunAsync("cache", layers: [Shallow], shard: shard);

        await _sample.RunAsync("cache", shard: new Shard(1, 2));

        var between = await FeatureCache.OpenAsync(_sample.Folder.File("cache"), Cancellation);
        Assert.Equal(Shallow, Assert.Single(between.Contract.Layers).Name);
        Assert.Equal(Deep, Assert.Single(between.PartialLayers).Name);
        Assert.Equal(9, (await _sample.ReadAsync("cache")).Count);
        await _sample.RunAsync("cache", shard: new Shard(0, 2));
        await AssertIsWholeAsync("cache");
    }

    [Fact]
    public async Task A_run_over_everything_takes_over_what_shards_have_left_unequal()
    {
        foreach (var shard in new[] { new Shard(0, 2), new Shard(1, 2) })
            await _sample.RunAsync("cache", layers: [Shallow], shard: shard);
        await _sample.RunAsync("cache", shard: new Shard(1, 2));

        await _sample.RunAsync("cache");

        await AssertIsWholeAsync("cache");
    }

    /// <summary>The real VGG16, as far as it is at hand: within a millionth of the layer's largest value.</summary>
    [Fact]
    public async Task A_layer_of_the_real_VGG_computed_from_the_cached_one_equals_that_of_one_pass()
    {
        var pictures = Directory.GetFiles(SharedMaterial.Find("data/cats-dogs/val/cats")).Order(StringComparer.Ordinal).Take(3).ToList();
        pictures.ForEach(p => _sample.Folder.Write($"real/{Path.GetFileName(p)}", File.ReadAllBytes(p)));
        var imported = ModelImport.Run(new ImportOptions
        {
            Weights = SharedMaterial.Find("models/vgg16_blocks123.safetensors"),
            Out = _sample.Folder.File("vgg16.onnx"),
            Preset = "keras",
            Layers = ["block2_pool", "block3_pool"],
        });
        ModelFile.Save(imported.Proto, imported.Contract, _sample.Folder.File("vgg16.onnx"));
        var model = ModelFile.Load(_sample.Folder.File("vgg16.onnx"));
        string[][] runs = [["grown", "block2_pool"], ["grown", "block2_pool", "block3_pool"], ["whole", "block2_pool", "block3_pool"]];
        foreach (var run in runs)
        {
            using var network = BaseNetwork.Load(model, run[1..], ExecutionDevice.Cpu, threads: 2);
            var extraction = new ExtractionRun(
                ImageSet.Open(_sample.Folder.File("real")), network, new CacheFolder(_sample.Folder.File(run[0])),
                new ExtractionSettings(2, 2), TimeProvider.System);
            await extraction.RunAsync(_ => new Progress<int>(), Cancellation);
        }

        var (grown, whole) = (await FloatsAsync("grown"), await FloatsAsync("whole"));
        var largest = grown.Zip(whole).Max(pair => Math.Abs(pair.First - pair.Second));
        TestContext.Current.SendDiagnosticMessage($"largest difference {largest}, largest value {whole.Max()}");
        Assert.InRange(largest, 0, 1e-6f * whole.Max());
    }

    private async Task<float[]> FloatsAsync(string name)
    {
        var cache = await FeatureCache.OpenAsync(_sample.Folder.File(name), Cancellation);
        var group = Assert.Single(cache.RowGroups);
        var values = new float[group.RowCount * cache.Layer("block3_pool").Shape.Length];
        await cache.ReadAsync(group, "block3_pool", values, Cancellation);
        return values;
    }

    private async Task<ExtractionResult> RunAgainAsync(List<string>? said = null)
    {
        using var network = BaseNetwork.Load(_sample.Model, [], ExecutionDevice.Cpu, threads: 1);
        var run = new ExtractionRun(
            _sample.Images, network, new CacheFolder(_sample.Folder.File("cache")), new ExtractionSettings(4, 2), TimeProvider.System,
            (said ?? []).Add);
        return await run.RunAsync(_ => new Progress<int>(), Cancellation);
    }

    /// <summary>Fails unless the cache holds what one run over everything makes.</summary>
    private async Task AssertIsWholeAsync(string cache, int views = 0, long? seed = null)
    {
        await _sample.RunAsync("whole", views, seed);
        Assert.Equal(await _sample.SortedAsync("whole"), await _sample.SortedAsync(cache));
    }
}
