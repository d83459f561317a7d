using System.Text.Json;
using Headstart.Tests.Programs;

namespace Headstart.Tests.MainPath;

/// <summary>What <c>trainer train</c> promises, tried as a user would on a cache that the extractor made.</summary>
public sealed class TrainTests(DemoCache demo) : IClassFixture<DemoCache>
{
    [Fact]
    public async Task A_run_has_its_files_and_json_has_the_promised_fields()
    {
        var run = (await ProgramRun.TrainerOnAllCores("train", demo.Cache, "--out", demo.File("run"), "--epochs", "3",
            "--json")).EndedWith(0);

        var result = JsonDocument.Parse(run.Output).RootElement;
        Assert.Equal("""["disc","spiral"]""", result.GetProperty("classes").GetRawText());
        Assert.Equal(3, result.GetProperty("epochs").GetInt32());
        Assert.InRange(result.GetProperty("bestEpoch").GetInt32(), 1, 3);
        foreach (var side in (string[])["train", "val"])
        {
            Assert.True(result.GetProperty(side).GetProperty("loss").GetDouble() > 0);
            Assert.InRange(result.GetProperty(side).GetProperty("accuracy").GetDouble(), 0, 1);
            Assert.InRange(result.GetProperty(side).GetProperty("auc").GetDouble(), 0, 1);
        }

        foreach (var name in (string[])["loadSeconds", "seconds", "secondsPerEpoch", "rowsPerSecond"])
            Assert.True(result.GetProperty(name).GetDouble() > 0, name);

        // flatten(64 x 4 x 4) -> 256 -> 1
        Assert.Equal((1024 * 256) + 256 + 256 + 1, result.GetProperty("parameters").GetInt64());
        Assert.Equal(result.GetProperty("parameters").GetInt64(), result.GetProperty("trainableParameters").GetInt64());
        Assert.True(result.GetProperty("peakMemoryBytes").GetInt64() > 10 << 20);

        Assert.Equal(3, File.ReadLines(demo.File("run", "metrics.jsonl")).Count(line =>
            JsonDocument.Parse(line).RootElement.ValueKind == JsonValueKind.Object));
        Assert.Equal("demo-base", JsonDocument.Parse(await File.ReadAllTextAsync(demo.File("run", "run.json"),
            TestContext.Current.CancellationToken))
            .RootElement.GetProperty("cache").GetProperty("contract").GetProperty("model").GetString());
        Assert.True(File.Exists(demo.File("run", "head.safetensors")));
    }

    [Fact]
    public async Task Two_runs_with_one_seed_give_the_same_weights_and_another_seed_gives_others()
    {
        foreach (var (run, seed) in new[] { ("a", "7"), ("b", "7"), ("c", "8") })
            (await ProgramRun.TrainerOnAllCores(
                "train", demo.Cache, "--out", demo.File(run), "--epochs", "2", "--seed", seed)).EndedWith(0);

        var weights = await Task.WhenAll(((string[])["a", "b", "c"]).Select(r => File.ReadAllBytesAsync(demo.File(r, "head.safetensors"))));
        Assert.Equal(weights[0], weights[1]);
        Assert.NotEqual(weights[0], weights[2]);
    }

    [Fact]
    public async Task Train_says_what_the_base_is_good_for()
    {
        var run = (await ProgramRun.Trainer("train", demo.Cache, "--out", demo.File("noted"), "--epochs", "1")).EndedWith(0);
        Assert.Contains("useless for judging real ones", string.Join(' ',
            run.Output.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_line_of_the_summary_fits_80_columns()
    {
        var run = (await ProgramRun.Trainer("train", demo.Cache, "--out", demo.File("narrow"), "--epochs", "1")).EndedWith(0);
        Assert.All(run.Output.Split('\n').Where(l => !l.Contains(demo.Cache, StringComparison.Ordinal)),
            line => Assert.InRange(line.Length, 0, 80));
    }

    [Fact]
    public async Task One_class_only_is_an_error_of_train_and_not_of_extract()
    {
        var cache = demo.File("one-class-cache");
        (await ProgramRun.Extractor(
            "extract", Path.Combine(demo.Pictures, "train", "disc"), "--model", DemoCache.Model, "--out", cache)).EndedWith(0);
        var unlabelled = (await ProgramRun.Trainer("train", cache, "--out", demo.File("none"))).EndedWith(1);
        Assert.Contains("label", unlabelled.Error, StringComparison.Ordinal);

        var one = Directory.CreateDirectory(demo.File("one-class"));
        Directory.CreateSymbolicLink(Path.Combine(one.FullName, "disc"), Path.Combine(demo.Pictures, "train", "disc"));
        (await ProgramRun.Extractor(
            "extract", one.FullName, "--model", DemoCache.Model, "--out", demo.File("one-class-cache-2"))).EndedWith(0);
        var single = (await ProgramRun.Trainer("train", demo.File("one-class-cache-2"), "--out", demo.File("none"))).EndedWith(1);
        Assert.Contains("disc", single.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(demo.File("none")));
    }

    [Theory]
    [InlineData("--layer block9_pool", "block4_pool", 1)]
    [InlineData("--head dense(256,rleu)", "relu", 2)]
    [InlineData("--lr -1", "--lr", 2)]
    [InlineData("--batch 0", "--batch", 2)]
    public async Task What_cannot_be_trained_is_said_and_no_run_is_left(string options, string expected, int exitCode)
    {
        var run = (await ProgramRun.Trainer(["train", demo.Cache, "--out", demo.File("refused"),
            .. options.Split(' ')])).EndedWith(exitCode);
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", run.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(demo.File("refused")));
    }
}
