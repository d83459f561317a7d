using System.Text.Json;
using Headstart.Cache;
using Headstart.Models;
using Headstart.Trainer.Runs;

namespace Headstart.Tests.Commands;

/// <summary>Starts the real program, as a user does.</summary>
public sealed class EvaluateCommandTests : IAsyncLifetime
{
    private static readonly string[] Classes = ["cats", "dogs"];
    private static readonly ModelLayer Layer = new("block5_pool", new LayerShape(8, 3, 3));

    private readonly TemporaryFolder _folder = new();
    private readonly TrainerProgram _program;

    public EvaluateCommandTests() => _program = new TrainerProgram(_folder.Path);

    public async ValueTask InitializeAsync()
    {
        await WriteAsync("cache", SyntheticCache.Rows(60, Classes));
        await TrainAsync("cache", "run", "--threshold", "f1");
    }

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Training_cache_is_judged_by_the_rows_that_validated_and_gives_the_figures_of_train()
    {
        var report = await ReportAsync("run", "cache");

        var run = RunFolder.Read(At("run"));
        Assert.Equal("val", report.GetProperty("split").GetString());
        Assert.Equal(24, report.GetProperty("rows").GetInt32());
        Assert.Equal(run.Result.Val.Auc!.Value, report.GetProperty("auc").GetDouble(), 1e-12); // a temperature changes no order
        Assert.Equal(run.Calibration, run.Result.Calibration);
        Assert.Equal(run.Calibration!.Temperature, report.GetProperty("temperature").GetDouble());
        Assert.Equal(run.Calibration.Threshold, report.GetProperty("threshold").GetDouble());
        Assert.Equal(("f1", "f1"), (run.Calibration.ThresholdRule, report.GetProperty("thresholdRule").GetString()));
        Assert.True(report.GetProperty("loss").GetDouble() <= run.Result.PlainVal.Loss + 1e-12); // calibrated on these rows
        Assert.Equal(run.Result.Val.Accuracy, run.Result.Validation!.Accuracy);
        Assert.Equal(run.Result.Val.Loss, run.Result.Validation.Loss, 1e-12);
    }

    [Fact]
    public async Task Json_has_every_promised_field_and_words_go_to_standard_error()
    {
        var (code, output, error) = await _program.RunAsync("evaluate", "run", "cache", "--json");

        Assert.Equal(ExitCode.Done, code);
        Assert.Superset(
            new HashSet<string>
            {
                "rows", "loss", "accuracy", "auc", "ece", "confusion", "classes", "averagePrecision", "macro", "perClass", "intervals",
                "temperature", "threshold", "split",
            },
            JsonDocument.Parse(output).RootElement.EnumerateObject().Select(p => p.Name).ToHashSet());
        Assert.StartsWith("val accuracy ", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_copied_cache_is_known_again_and_another_one_of_the_same_size_is_judged_whole()
    {
        await WriteAsync("copy", SyntheticCache.Rows(60, Classes), partRows: 7);
        await WriteAsync("fresh", [.. SyntheticCache.Rows(120, Classes).Where(r => string.CompareOrdinal(r.Path[^8..], "0060.jpg") >= 0)]);

        Assert.Equal(("val", 24), Which(await ReportAsync("run", "copy")));
        Assert.Equal(("all", 120), Which(await ReportAsync("run", "fresh")));
    }

    [Fact]
    public async Task Test_rows_are_judged_where_the_cache_names_some_and_train_never_saw_them()
    {
        var rows = SyntheticCache.Rows(30, Classes, "train").Concat(SyntheticCache.Rows(10, Classes, "val"))
            .Concat(SyntheticCache.Rows(15, Classes, "test")).ToList();
        await WriteAsync("splits", rows);
        await TrainAsync("splits", "split-run");
        var weights = File.ReadAllBytes(At("split-run/head.safetensors"));

        Assert.Equal(("test", 30), Which(await ReportAsync("split-run", "splits")));
        Assert.Equal(("val", 20), Which(await ReportAsync("split-run", "splits", "--split", "val")));
        Assert.Equal(("train", 60), Which(await ReportAsync("split-run", "splits", "--split", "train")));
        Assert.Equal(("all", 110), Which(await ReportAsync("split-run", "splits", "--split", "all")));

        // The same run without the test rows has the same weights.
        await WriteAsync("without", [.. rows.Where(r => r.Split != "test")]);
        await TrainAsync("without", "without-run");
        Assert.Equal(weights, File.ReadAllBytes(At("without-run/head.safetensors")));
        Assert.Equal(RunFolder.Read(At("split-run")).Calibration, RunFolder.Read(At("without-run")).Calibration);
    }

    [Fact]
    public async Task Rows_that_validated_in_a_cache_of_their_own_are_judged_whole()
    {
        await WriteAsync("val", [.. SyntheticCache.Rows(75, Classes).Where(r => string.CompareOrdinal(r.Path[^8..], "0060.jpg") >= 0)]);
        await TrainAsync("cache", "val-run", "--val", "val");

        Assert.Equal(("val", 30), Which(await ReportAsync("val-run", "val")));
        Assert.Equal(("train", 120), Which(await ReportAsync("val-run", "cache", "--split", "train")));
        var (code, _, error) = await _program.RunAsync("evaluate", "val-run", "cache");
        Assert.Equal(ExitCode.Failed, code);
        Assert.Contains("cache names no splits, so there are no val rows", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Views_unlabelled_rows_and_unknown_classes_are_left_out_and_said()
    {
        var rows = SyntheticCache.Rows(10, ["cats", "horses"]);
        await WriteAsync("odd", [.. rows, rows[0] with { View = 1 }, new CacheRow("free.jpg", null, null, "free", 8, 8, 0)]);

        var (code, output, _) = await _program.RunAsync("evaluate", "run", "odd", "--json");
        var (_, words, _) = await _program.RunAsync("evaluate", "run", "odd");

        Assert.Equal(ExitCode.Done, code);
        var report = JsonDocument.Parse(output).RootElement;
        Assert.Equal((10, 11), (report.GetProperty("rows").GetInt32(), report.GetProperty("leftOut").GetInt32()));
        Assert.Equal(JsonValueKind.Null, report.GetProperty("auc").ValueKind);
        Assert.Contains("note: 1 image has no label, and can't be judged.", words, StringComparison.Ordinal);
        Assert.Contains("note: The run doesn't know the class 'horses': its 10 images are left out.", words, StringComparison.Ordinal);
        Assert.Contains("note: There are no images of dogs.", words, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Words_fit_80_columns_and_say_result_place_and_next()
    {
        var (code, output, error) = await _program.RunAsync("evaluate", "run", "cache");

        Assert.Equal((ExitCode.Done, ""), (code, error));
        var lines = output.Split('\n');
        Assert.All(lines, line => Assert.InRange(line.Length, 0, 80));
        Assert.StartsWith("val accuracy ", lines[0], StringComparison.Ordinal);
        Assert.Contains("The rows that validated the run of cache, by the head in run", output, StringComparison.Ordinal);
        Assert.Equal("Next: trainer export run --model MODEL.onnx --out CLASSIFIER.onnx", lines[^4]);
        Assert.Equal("      MODEL.onnx: the file of synthetic that made the cache, sha256", lines[^3]);
        Assert.Matches(@"^ {18}\S{16}\.\.\.$", lines[^2]);
    }

    [Fact]
    public async Task Many_classes_with_long_names_fit_80_columns_too()
    {
        string[] names = [.. Enumerable.Range(0, 15).Select(i => $"a species with a rather long name {i:D2}")];
        await WriteAsync("many", SyntheticCache.Rows(6, names));
        await TrainAsync("many", "many-run");

        var (_, output, _) = await _program.RunAsync("evaluate", "many-run", "many");

        Assert.All(output.Split('\n'), line => Assert.InRange(line.Length, 0, 80));
        Assert.Contains("... and 3 more classes: --json has all of them", output, StringComparison.Ordinal);
        Assert.Equal(15, (await ReportAsync("many-run", "many")).GetProperty("perClass").GetArrayLength());
    }

    [Theory]
    [InlineData("nowhere", "cache", "No finished run in nowhere")]
    [InlineData("run", "nowhere", "No cache in nowhere")]
    [InlineData("run", "other", "other was made with modelSha256 'bbbb")]
    [InlineData("run", "horses",
        "horses has nothing to judge: The run doesn't know the class 'horses': its 5 images are left out. The run knows cats, dogs.")]
    [InlineData("run", "cache", "cache names no splits, so there are no test rows", "--split", "test")]
    [InlineData("tuned", "cache", "tuned has tuned weights (base.safetensors), but its run.json says nothing of tuning")]
    public async Task What_cannot_be_judged_is_refused_with_words(string run, string cache, string expected, params string[] more)
    {
        await WriteAsync(
            "other", SyntheticCache.Rows(5, Classes), SyntheticCache.Contract(Layer) with { ModelSha256 = new string('b', 64) });
        await WriteAsync("horses", SyntheticCache.Rows(5, ["horses"]));
        Directory.CreateDirectory(At("tuned"));
        File.Copy(At("run/run.json"), At("tuned/run.json"));
        File.WriteAllText(At("tuned/base.safetensors"), "");

        var (code, output, error) = await _program.RunAsync(["evaluate", run, cache, .. more]);

        Assert.Equal((ExitCode.Failed, ""), (code, output));
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Images_added_since_make_it_impossible_to_tell_which_validated()
    {
        Directory.Delete(At("cache"), recursive: true);
        await WriteAsync("cache", SyntheticCache.Rows(70, Classes));

        var (code, _, error) = await _program.RunAsync("evaluate", "run", "cache");

        Assert.Equal(ExitCode.Failed, code);
        Assert.Contains("cache has other images than when the run was trained", error, StringComparison.Ordinal);
        Assert.Equal(("all", 140), Which(await ReportAsync("run", "cache", "--split", "all")));
    }

    [Theory]
    [InlineData("--threshold", "f2", "--threshold f2: give f1")]
    [InlineData("--threshold", "1.5", "--threshold 1.5: give f1")]
    public async Task Threshold_rules_that_make_no_sense_are_refused_before_anything_is_trained(string option, string value, string words)
    {
        var (code, _, error) = await _program.TrainAsync("cache", "--out", "refused", option, value);

        Assert.Equal(ExitCode.Usage, code);
        Assert.Contains(words, error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(At("refused")));
    }

    [Fact]
    public async Task A_threshold_for_more_than_two_classes_is_refused()
    {
        await WriteAsync("three", SyntheticCache.Rows(6, ["a", "b", "c"]));

        var (code, _, error) = await _program.TrainAsync("three", "--out", "refused", "--threshold", "f1");

        Assert.Equal(ExitCode.Usage, code);
        Assert.Contains("a threshold is for two classes, and there are 3", error, StringComparison.Ordinal);
    }

    private static (string?, int) Which(JsonElement report) =>
        (report.GetProperty("split").GetString(), report.GetProperty("rows").GetInt32());

    private async Task<JsonElement> ReportAsync(params string[] arguments)
    {
        var (code, output, error) = await _program.RunAsync(["evaluate", .. arguments, "--json"]);
        Assert.True(code == ExitCode.Done, error);
        return JsonDocument.Parse(output).RootElement;
    }

    private async Task TrainAsync(string cache, string run, params string[] more)
    {
        var (code, _, error) = await _program.TrainAsync([cache, "--out", run, "--head", "gap", "--epochs", "3", "--lr", "0.01", .. more]);
        Assert.True(code == ExitCode.Done, error);
    }

    private Task WriteAsync(string name, List<CacheRow> rows, CacheContract? contract = null, int partRows = 64) =>
        SyntheticCache.WriteAsync(At(name), contract ?? SyntheticCache.Contract(Layer), rows,
            (r, l) => SyntheticCache.Features(r, l.Shape.Length, 0.5), partRows);

    private string At(string path) => _program.At(path);
}
