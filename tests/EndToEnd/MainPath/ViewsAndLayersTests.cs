using System.Text.Json;
using Headstart.Tests.Programs;

namespace Headstart.Tests.MainPath;

/// <summary>A cache that grows: layers first, then views, and a head trained on it all.</summary>
public sealed class ViewsAndLayersTests(DemoCache demo) : IClassFixture<DemoCache>
{
    [Fact]
    public async Task A_cache_is_given_a_layer_and_views_and_a_head_is_trained_on_them()
    {
        var cache = demo.File("growing");
        var first = await Extract(cache, "--layer", "block2_pool", "--layer", "block3_pool");
        var second = await Extract(cache, "--layer", "block4_pool");
        var third = await Extract(cache, "--layer", "block4_pool", "--views", "2", "--seed", "5");
        var fourth = await Extract(cache, "--layer", "block4_pool", "--views", "2");

        Assert.Equal(["block2_pool", "block3_pool"], Names(first.GetProperty("layers")));
        Assert.False(first.TryGetProperty("added", out _));
        Assert.Equal(["block2_pool", "block3_pool", "block4_pool"], Names(second.GetProperty("layers")));
        Assert.Equal("""{"layers":["block4_pool"],"from":["block3_pool"],"rows":32}""",
            string.Concat(second.GetProperty("added").GetRawText().Where(c => !char.IsWhiteSpace(c))));
        Assert.Equal((0, 32), (second.GetProperty("computed").GetInt32(), second.GetProperty("reused").GetInt32()));
        Assert.Equal((32, 64, 2), (
            third.GetProperty("computed").GetInt32(), third.GetProperty("computedRows").GetInt32(), third.GetProperty("views").GetInt32()));
        Assert.Equal((0, 32), (fourth.GetProperty("computed").GetInt32(), fourth.GetProperty("reused").GetInt32()));

        var train =
            (await ProgramRun.Trainer("train", cache, "--out", demo.File("growing-run"), "--head", "gap", "--epochs", "3")).EndedWith(0);
        Assert.Contains("24 to train, 8 to validate", train.Output, StringComparison.Ordinal);
        Assert.Contains("72 views of the images to train; an epoch draws one of each image", train.Output, StringComparison.Ordinal);

        var refused = (await ProgramRun.Extractor(
            "extract", demo.Pictures, "--model", DemoCache.Model, "--out", cache, "--views", "3", "--seed", "6")).EndedWith(1);
        Assert.Contains("was made with augmentation.seed '5', but this run has '6'", refused.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_layer_a_new_cache_gets_all_and_a_cache_that_is_there_keeps_its_own()
    {
        var cache = demo.File("kept");
        await Extract(cache, "--layer", "block2_pool");

        var run = (await ProgramRun.Extractor("extract", demo.Pictures, "--model", DemoCache.Model, "--out", cache, "--json")).EndedWith(0);

        var result = JsonDocument.Parse(run.Output).RootElement;
        Assert.Equal(["block2_pool"], Names(result.GetProperty("layers")));
        Assert.Equal((0, 32), (result.GetProperty("computed").GetInt32(), result.GetProperty("reused").GetInt32()));
        Assert.Contains($"{cache} keeps its layers (block2_pool). {DemoCache.Model} also names pixels, block1_pool, block3_pool, " +
            "block4_pool: --layer NAME adds one.", run.Error, StringComparison.Ordinal);
        Assert.Equal(["pixels", "block1_pool", "block2_pool", "block3_pool", "block4_pool"],
            Names((await Extract(demo.File("all"))).GetProperty("layers")));
    }

    [Fact]
    public async Task Info_shows_views_and_layers_that_some_shards_have_yet_to_add()
    {
        var cache = demo.File("shards");
        foreach (var shard in new[] { "0/2", "1/2" })
            await Extract(cache, "--shard", shard, "--layer", "block3_pool", "--views", "2", "--seed", "5");
        await Extract(cache, "--shard", "0/2", "--layer", "block4_pool", "--views", "2");

        var info = JsonDocument.Parse((await ProgramRun.Extractor("cache", "info", cache, "--json")).EndedWith(0).Output).RootElement;
        var text = (await ProgramRun.Extractor("cache", "info", cache)).EndedWith(0).Output;

        Assert.Equal((96, 2), (info.GetProperty("rows").GetInt32(), info.GetProperty("views").GetInt32()));
        Assert.Equal(["block3_pool"], Names(info.GetProperty("layers")));
        Assert.Equal("[64,4,4]",
            string.Concat(info.GetProperty("partialLayers").GetProperty("block4_pool").GetRawText().Where(c => !char.IsWhiteSpace(c))));
        Assert.Contains(
            "  layer block4_pool: 64 x 4 x 4, in some parts only: other shards still have to add it", text, StringComparison.Ordinal);
        Assert.Contains("  views: 2 of an image beside the plain one, seed 5; 32 plain rows, 64 augmented", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--views is -1", "--views", "-1")]
    [InlineData("give their number with --views", "--seed", "1")]
    public async Task Options_that_make_no_sense_are_refused(string expected, params string[] options)
    {
        var run = (await ProgramRun.Extractor(
            ["extract", demo.Pictures, "--model", DemoCache.Model, "--out", demo.File("none"), .. options])).EndedWith(2);
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
    }

    private async Task<JsonElement> Extract(string cache, params string[] more) =>
        JsonDocument.Parse((await ProgramRun.Extractor(
            ["extract", demo.Pictures, "--model", DemoCache.Model, "--out", cache, "--json", .. more])).EndedWith(0).Output).RootElement;

    private static IEnumerable<string> Names(JsonElement layers) => layers.EnumerateObject().Select(l => l.Name);
}
