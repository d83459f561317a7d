using System.Text.Json;
using Headstart.Tests.MainPath;
using Headstart.Tests.Programs;

namespace Headstart.Tests.Shipping;

/// <summary>
/// From a cache to a file that somebody else runs: what <c>trainer export</c> and <c>extractor predict</c> promise, tried as a user would.
/// </summary>
public sealed class ShippingTests(ShippedModel shipped) : IClassFixture<ShippedModel>
{
    [Fact]
    public void The_check_is_made_on_the_caches_own_images_and_says_so()
    {
        var result = JsonDocument.Parse(shipped.ExportJson).RootElement;

        var check = result.GetProperty("check");
        Assert.Equal($"16 images of {shipped.Pictures}", check.GetProperty("source").GetString());
        Assert.InRange(check.GetProperty("largestDifference").GetDouble(), 0, 1e-4);
        Assert.Equal("""["disc","spiral"]""", result.GetProperty("prediction").GetProperty("classes").GetRawText());
        Assert.Equal("run", result.GetProperty("prediction").GetProperty("origin").GetProperty("run").GetString());
    }

    [Fact]
    public async Task Predictions_on_the_images_agree_with_the_trainers_figures_on_the_cache()
    {
        var judged = JsonDocument.Parse((await ProgramRun.Trainer("evaluate", shipped.Run, shipped.Cache, "--split", "val", "--json"))
            .EndedWith(0).Output).RootElement;
        var (accuracy, loss) = await JudgeAsync(shipped.Model, Path.Combine(shipped.Pictures, "val"));

        Assert.Equal(judged.GetProperty("accuracy").GetDouble(), accuracy, 1e-9);
        Assert.Equal(judged.GetProperty("loss").GetDouble(), loss, 1e-4);
    }

    [Fact]
    public async Task Never_seen_pictures_are_recognised_and_pixels_say_what_tensors_say()
    {
        var tensors = await PredictAsync(shipped.Model, shipped.NewPictures);
        var pixels = await PredictAsync(shipped.RawModel, shipped.NewPictures);

        Assert.Equal(24, tensors.Count);
        var right = tensors.Count(p => p.GetProperty("path").GetString()!.Split('/')[^2] == p.GetProperty("label").GetString());
        Assert.True(right >= 17, $"{right} of 24 right; guessing gives 12."); // 17 or more by guessing: 3 in 100.
        foreach (var (a, b) in tensors.Zip(pixels))
        {
            Assert.Equal(a.GetProperty("path").GetString(), b.GetProperty("path").GetString());
            Assert.Equal(Probability(a, "spiral"), Probability(b, "spiral"), 1e-4);
        }
    }

    [Fact]
    public async Task Images_may_be_one_file_a_flat_folder_or_a_csv()
    {
        var folder = Path.Combine(shipped.NewPictures, "train", "disc");
        var one = Directory.GetFiles(folder).Order(StringComparer.Ordinal).First();
        var csv = shipped.File("some.csv");
        await File.WriteAllTextAsync(
            csv, $"path,label\n{one},disc\n{Path.Combine(folder, "gone.jpg")},disc\n", TestContext.Current.CancellationToken);

        var flat = await PredictAsync(shipped.Model, folder);
        var alone = Assert.Single(await PredictAsync(shipped.Model, one));
        Assert.Equal(Probability(flat[0], "disc"), Probability(alone, "disc"), 1e-5);

        var run = (await ProgramRun.Extractor("predict", shipped.Model, csv, "--format", "jsonl")).EndedWith(1);
        var lines = run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonDocument.Parse(l).RootElement).ToList();
        Assert.Equal(Probability(alone, "disc"), Probability(lines[0], "disc"), 1e-5);
        Assert.Contains("isn't there", lines[1].GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.Contains("1 of 2 images can't be used (50%", run.Error, StringComparison.Ordinal);
        (await ProgramRun.Extractor("predict", shipped.Model, csv, "--max-rejected", "50")).EndedWith(0);
    }

    [Fact]
    public async Task The_table_fits_80_columns_and_the_rest_is_on_standard_error()
    {
        var run = (await ProgramRun.Extractor("predict", shipped.Model, shipped.NewPictures)).EndedWith(0);

        var lines = run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(24, lines.Length);
        Assert.All(lines, l => Assert.InRange(l.Length, 1, 80));
        Assert.Contains("24 images, 0 rejected", run.Error, StringComparison.Ordinal);
        Assert.Contains("accuracy", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_reader_that_has_enough_ends_it_quietly()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Needs a POSIX shell.");
        var extractor = RunningProgram.Executable("extractor");
        var run = await ProgramRun.Of("/bin/bash", "-c",
            $"set -o pipefail; '{extractor}' predict '{shipped.RawModel}' '{shipped.NewPictures}' --format csv | head -n 1");

        run.EndedWith(0);
        Assert.StartsWith("path,label", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("error:", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refused_export_leaves_what_was_there()
    {
        var kept = shipped.File("kept.onnx");
        await File.WriteAllTextAsync(kept, "kept", TestContext.Current.CancellationToken);
        var other = shipped.File("other-base.onnx");
        (await ProgramRun.Extractor("model", "import", DemoCache.Model, "--preset", "mobilenet", "--out", other)).EndedWith(0);

        var run = (await ProgramRun.Trainer("export", shipped.Run, "--model", other, "--out", kept)).EndedWith(1);

        Assert.Contains("the run in", run.Error, StringComparison.Ordinal);
        Assert.Equal("kept", await File.ReadAllTextAsync(kept, TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("--precision float8", 2, "--precision")]
    [InlineData("--images no-such-folder", 1, "no-such-folder")]
    public async Task What_cannot_be_exported_is_said(string options, int exitCode, string expected)
    {
        var run = (await ProgramRun.Trainer(["export", shipped.Run, "--model", DemoCache.Model, "--out", shipped.File("never.onnx"),
            .. options.Split(' ')])).EndedWith(exitCode);

        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(shipped.File("never.onnx")));
    }

    [Fact]
    public async Task What_cannot_be_asked_is_said()
    {
        Assert.Contains("trainer export", (await ProgramRun.Extractor("predict", DemoCache.Model, shipped.NewPictures)).EndedWith(1).Error,
            StringComparison.Ordinal);
        Assert.Contains("extractor predict", (await ProgramRun.Extractor("extract", shipped.Pictures, "--model", shipped.Model, "--out",
            shipped.File("c"))).EndedWith(1).Error, StringComparison.Ordinal);
        (await ProgramRun.Extractor("predict", shipped.Model, shipped.NewPictures, "--format", "xml")).EndedWith(2);
    }

    [Fact]
    public async Task Another_base_that_is_allowed_is_measured_on_the_caches_images()
    {
        // The same weights and preprocessing, imported anew: another file.
        var info =
            JsonDocument.Parse((await ProgramRun.Extractor("model", "info", DemoCache.Model, "--json")).EndedWith(0).Output).RootElement;
        var preprocessing = shipped.File("preprocessing.json");
        await File.WriteAllTextAsync(
            preprocessing, info.GetProperty("contract").GetProperty("preprocessing").GetRawText(), TestContext.Current.CancellationToken);
        var other = shipped.File("imported-anew.onnx");
        (await ProgramRun.Extractor("model", "import", DemoCache.Model, "--preset", preprocessing, "--out", other)).EndedWith(0);
        var refused = (await ProgramRun.Trainer("export", shipped.Run, "--model", other, "--out", shipped.File("mixed.onnx"))).EndedWith(1);
        Assert.Contains("has modelSha256", refused.Error, StringComparison.Ordinal);

        var run = (await ProgramRun.Trainer(
            "export", shipped.Run, "--model", other, "--out", shipped.File("mixed.onnx"), "--allow-other-base", "--json")).EndedWith(0);

        var change = JsonDocument.Parse(run.Output).RootElement.GetProperty("otherBase");
        Assert.Equal(32, change.GetProperty("images").GetInt32());
        Assert.Equal(0, change.GetProperty("changedDecisions").GetInt32());
        Assert.InRange(change.GetProperty("largestChange").GetDouble(), 0, 1e-5);
    }

    [Fact]
    public async Task A_head_on_int8_features_ships_with_the_int8_base_and_says_what_the_float32_one_would_change()
    {
        var (int8, cache, run, model) =
            (shipped.File("int8.onnx"), shipped.File("cache-int8"), shipped.File("run-int8"), shipped.File("shipped-int8.onnx"));
        (await ProgramRun.Extractor("model", "quantize", DemoCache.Model, "--calibrate", shipped.Pictures, "--out", int8)).EndedWith(0);
        (await ProgramRun.Extractor("extract", shipped.Pictures, "--model", int8, "--out", cache)).EndedWith(0);
        (await ProgramRun.Trainer(
            "train", cache, "--out", run, "--head", "flatten, l2norm, dense(64, relu)", "--lr", "1e-3", "--epochs", "15")).EndedWith(0);
        (await ProgramRun.Trainer("export", run, "--model", int8, "--out", model)).EndedWith(0);

        var judged = JsonDocument.Parse((await ProgramRun.Trainer("evaluate", run, cache, "--split", "val", "--json"))
            .EndedWith(0).Output).RootElement;
        var (accuracy, loss) = await JudgeAsync(model, Path.Combine(shipped.Pictures, "val"));
        Assert.Equal(judged.GetProperty("accuracy").GetDouble(), accuracy, 1e-9);
        Assert.Equal(judged.GetProperty("loss").GetDouble(), loss, 1e-3);

        var refused =
            (await ProgramRun.Trainer("export", run, "--model", DemoCache.Model, "--out", shipped.File("float.onnx"))).EndedWith(1);
        Assert.Contains("has precision 'float32'", refused.Error, StringComparison.Ordinal);
        var allowed = (await ProgramRun.Trainer(
            "export", run, "--model", DemoCache.Model, "--out", shipped.File("float.onnx"), "--allow-other-base", "--json")).EndedWith(0);
        var change = JsonDocument.Parse(allowed.Output).RootElement.GetProperty("otherBase");
        Assert.Equal(32, change.GetProperty("images").GetInt32());
        Assert.InRange(change.GetProperty("meanChange").GetDouble(), 1e-6, 0.2);

        var tuned = (await ProgramRun.Trainer("finetune", run, "--out", shipped.File("x"), "--model", int8, "--images", shipped.Pictures))
            .EndedWith(1);
        Assert.Contains("int8.onnx is int8, and such weights can't be tuned", tuned.Error, StringComparison.Ordinal);
        Assert.Contains(JsonDocument.Parse((await ProgramRun.Extractor("model", "info", DemoCache.Model, "--json")).Output).RootElement
            .GetProperty("sha256").GetString()!, tuned.Error, StringComparison.Ordinal);
        tuned = (await ProgramRun.Trainer(
            "finetune", run, "--out", shipped.File("x"), "--model", DemoCache.Model, "--images", shipped.Pictures)).EndedWith(1);
        Assert.Contains("are int8 (demo-base-int8)", tuned.Error, StringComparison.Ordinal);
        var mixed = (await ProgramRun.Trainer("evaluate", run, shipped.Cache)).EndedWith(1);
        Assert.Contains("was made with precision 'float32'", mixed.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_tuned_base_is_judged_on_the_cache_and_on_the_pictures_to_the_same_figures()
    {
        var (cache, tuned, model) = (shipped.File("cache-tuned"), shipped.File("tuned"), shipped.File("tuned.onnx"));
        (await ProgramRun.Extractor("extract", shipped.Pictures, "--model", DemoCache.Model, "--out", cache, "--layer", "block3_pool",
            "--layer", "block4_pool")).EndedWith(0);
        (await ProgramRun.Trainer("finetune", shipped.Run, "--out", tuned, "--model", DemoCache.Model, "--cache", cache, "--unfreeze-from",
            "block3_pool", "--lr", "1e-3", "--epochs", "3")).EndedWith(0);
        (await ProgramRun.Trainer("export", tuned, "--model", DemoCache.Model, "--out", model)).EndedWith(0);

        var judged = JsonDocument.Parse((await ProgramRun.Trainer("evaluate", tuned, cache, "--split", "val", "--json"))
            .EndedWith(0).Output).RootElement;
        var (accuracy, loss) = await JudgeAsync(model, Path.Combine(shipped.Pictures, "val"));

        Assert.Equal(judged.GetProperty("accuracy").GetDouble(), accuracy, 1e-9);
        Assert.Equal(judged.GetProperty("loss").GetDouble(), loss, 1e-4);
        var (_, before) = await JudgeAsync(shipped.Model, Path.Combine(shipped.Pictures, "val"));
        Assert.NotEqual(before, loss, 1e-4); // it was tuned
    }

    private static double Probability(JsonElement line, string name) => line.GetProperty("probabilities").GetProperty(name).GetDouble();

    private static async Task<List<JsonElement>> PredictAsync(string model, string images)
    {
        var run = (await ProgramRun.Extractor("predict", model, images, "--format", "jsonl")).EndedWith(0);
        return [.. run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonDocument.Parse(l).RootElement)];
    }

    private static async Task<(double Accuracy, double Loss)> JudgeAsync(string model, string images)
    {
        var lines = await PredictAsync(model, images);
        var labels = lines.Select(l => l.GetProperty("path").GetString()!.Split('/')[^2]).ToList();
        return (
            lines.Zip(labels).Average(l => l.First.GetProperty("label").GetString() == l.Second ? 1.0 : 0.0),
            lines.Zip(labels).Average(l => -Math.Log(Probability(l.First, l.Second))));
    }
}
