using Headstart.Cache;
using Headstart.Extraction.Runtime;
using Headstart.Images;

namespace Headstart.Tests.Pipeline;

public sealed class ExtractionRunTests : IDisposable
{
    private readonly ExtractionSample _sample = new(pictures: 11);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _sample.Dispose();

    [Fact]
    public async Task The_number_of_workers_never_changes_the_rows()
    {
        await _sample.RunAsync("one", workers: 1);
        await _sample.RunAsync("five", workers: 5);

        Assert.Equal(await _sample.ReadAsync("one"), await _sample.ReadAsync("five"));
    }

    [Fact]
    public async Task Rows_come_in_the_order_of_the_picture_set_with_what_was_found()
    {
        var result = await _sample.RunAsync("cache");

        var cache = await FeatureCache.OpenAsync(_sample.Folder.File("cache"), Cancellation);
        var items = _sample.Images.Items;
        Assert.Equal(items.Select(i => (i.Path, i.Label, i.Split)), cache.Rows.Select(r => (r.Path, r.Label, r.Split)));
        Assert.All(cache.Rows, r => Assert.Equal((40, 30, 0), (r.Width, r.Height, r.View)));
        Assert.All(cache.Rows, r => Assert.Equal(DecodedPicture.Digest(_sample.Picture(r.Path)), r.Sha256));
        Assert.Equal((11, 11, 0, 0, 0), (result.Images, result.Computed, result.Reused, result.Removed, result.Rejected));
        Assert.Equal(["block1_pool", "block2_pool"], result.Layers.Keys);
        Assert.Equal("seeded, not pretrained", cache.Contract.ModelNote);
    }

    [Fact]
    public async Task An_image_gives_the_same_features_in_any_company()
    {
        await _sample.RunAsync("together", batch: 4);
        foreach (var (row, _) in await _sample.ReadAsync("together"))
        {
            if (row.Path != "dogs/07.jpg")
                File.Delete(_sample.Picture(row.Path));
        }

        await _sample.RunAsync("alone", batch: 4);

        Assert.Equal((await _sample.ReadAsync("together")).Single(r => r.Row.Path == "dogs/07.jpg"),
            Assert.Single(await _sample.ReadAsync("alone")));
    }

    [Fact]
    public async Task Images_that_cannot_be_used_are_listed_and_the_others_kept()
    {
        _sample.Folder.Write("pictures/cats/text.jpg", "no picture, \"at all\""u8);
        _sample.Folder.Write("pictures/dogs/empty.png", []);

        var result = await _sample.RunAsync("cache");

        Assert.Equal((13, 11, 2), (result.Images, result.Computed, result.Rejected));
        var lines = File.ReadAllLines(_sample.Folder.File("cache/rejected.csv"));
        Assert.Equal("path,reason", lines[0]);
        Assert.Equal(["cats/text.jpg", "dogs/empty.png"], lines[1..].Select(l => l.Split(',')[0]));
        Assert.DoesNotContain(await _sample.ReadAsync("cache"), r => r.Row.Path.Contains("text", StringComparison.Ordinal));

        File.Delete(_sample.Picture("cats/text.jpg"));
        File.Delete(_sample.Picture("dogs/empty.png"));
        Assert.Null((await _sample.RunAsync("cache")).RejectedFile);
        Assert.False(File.Exists(_sample.Folder.File("cache/rejected.csv")));
    }

    [Fact]
    public async Task A_cache_from_another_model_is_refused_with_the_field_and_left_as_it_is()
    {
        await _sample.RunAsync("cache");
        var before = await _sample.ReadAsync("cache");
        var other = TinyNetwork.Write(_sample.Folder.File("other.onnx"), seed: 2);

        var error = await Assert.ThrowsAsync<CommandException>(() => _sample.RunAsync("cache", model: other));

        Assert.Contains("was made with modelSha256", error.Message, StringComparison.Ordinal);
        Assert.Equal(before, await _sample.ReadAsync("cache"));
    }

    [Fact]
    public void A_layer_that_is_not_there_is_answered_with_those_that_are()
    {
        var error = Assert.Throws<CommandException>(() => BaseNetwork.Load(_sample.Model, ["block9_pool"], ExecutionDevice.Cpu, 1));
        Assert.Contains("block1_pool, block2_pool", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_gpu_cuda_says_what_is_missing_and_auto_goes_on()
    {
        Assert.SkipWhen(
            Microsoft.ML.OnnxRuntime.OrtEnv.Instance().GetAvailableProviders().Contains("CUDAExecutionProvider"), "This build has CUDA.");

        var error = Assert.Throws<CommandException>(() => BaseNetwork.Load(_sample.Model, [], ExecutionDevice.Cuda, 1));
        using var network = BaseNetwork.Load(_sample.Model, [], ExecutionDevice.Auto, 1);

        Assert.Contains("-p:Accelerator=cuda", error.Message, StringComparison.Ordinal);
        Assert.Equal("cpu", network.Provider.Name);
        Assert.StartsWith("Running on the CPU: ", network.Provider.Notice, StringComparison.Ordinal);
    }
}
