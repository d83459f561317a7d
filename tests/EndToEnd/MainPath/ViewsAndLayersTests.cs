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
        Assert.Equal("""{"layers":["block4_pool"],"from":["block3_pool"],"rows":32}""", string.Concat(second.GetProperty("added").GetRawText().Where(c => !char.IsWhiteSpace(c))));
        Assert.Equal((0, 32), (second.GetProperty("computed").GetInt32(), second.GetProperty("reused").GetInt32()));
        Assert.Equal((32, 64, 2), (third.GetProperty("computed").GetInt32(), third.GetProperty("computedRows").GetInt32(), third.GetProperty("views").GetInt32()));
        Assert.Equal((0, 32), (fourth.GetProperty("computed").GetInt32(), fourth.GetProperty("reused").GetInt32()));

        var train = (await ProgramRun.Trainer("train", cache, "--out", demo.File("growing-run"), "--head", "gap", "--epochs", "3")).EndedWith(0);
        Assert.Contains("24 to train, 8 to validate", train.Output, StringComparison.Ordinal);
        Assert.Contains("72 views of the images to train; an epoch draws one of each image", train.Output, StringComparison.Ordinal);

        var refused = (await ProgramRun.Extractor("extract", demo.Pictures, "--model", DemoCache.Model, "--out", cache, "--views", "3", "--seed", "6")).EndedWith(1);
        Assert.Contains("was made with augmentation.seed '5', but this run has '6'", refused.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--views is -1", "--views", "-1")]
    [InlineData("give their number with --views", "--seed", "1")]
    public async Task Options_that_make_no_sense_are_refused(string expected, params string[] options)
    {
        var run = (await ProgramRun.Extractor(["extract", demo.Pictures, "--model", DemoCache.Model, "--out", demo.File("none"), .. options])).EndedWith(2);
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
    }

    private async Task<JsonElement> Extract(string cache, params string[] more) =>
        JsonDocument.Parse((await ProgramRun.Extractor(["extract", demo.Pictures, "--model", DemoCache.Model, "--out", cache, "--json", .. more])).EndedWith(0).Output).RootElement;

    private static IEnumerable<string> Names(JsonElement layers) => layers.EnumerateObject().Select(l => l.Name);
}
