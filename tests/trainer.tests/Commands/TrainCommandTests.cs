using System.Diagnostics;
using System.Text.Json;
using Headstart.Cache;
using Headstart.CommandLine;
using Headstart.Models;
using Headstart.Training;
using Headstart.Training.Features;
using Headstart.Training.Runs;
using static TorchSharp.torch;

namespace Headstart.Tests.Commands;

/// <summary>Starts the real program, as a user does.</summary>
public sealed class TrainCommandTests : IAsyncLifetime
{
    private static readonly string[] Classes = ["cats", "dogs"];
    private static readonly ModelLayer Shallow = new("block4_pool", new LayerShape(4, 6, 6));
    private static readonly ModelLayer Deep = new("block5_pool", new LayerShape(8, 3, 3));

    private readonly string _folder = Directory.CreateTempSubdirectory("headstart-train-").FullName;

    public async ValueTask InitializeAsync() => await WriteAsync("cache", SyntheticCache.Contract(Shallow, Deep) with { ModelNote = "The weights are seeded, not pretrained." });

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Run_holds_what_was_printed_and_a_head_that_gives_the_same_figures()
    {
        var (code, output, error) = await TrainAsync("cache", "--out", "run", "--json", "--epochs", "4", "--seed", "3", "--head", "flatten, dense(16, relu), dropout(0.2)");

        Assert.Equal((ExitCode.Done, ""), (code, code == 0 ? "" : error));
        var printed = JsonDocument.Parse(output).RootElement; // one object alone, or this throws
        var run = RunFolder.Read(At("run"));
        Assert.Equal(run.Result.Val.Loss, printed.GetProperty("val").GetProperty("loss").GetDouble());
        Assert.Equal(4, File.ReadLines(At("run/metrics.jsonl")).Count());
        Assert.Equal("trainer train cache --out run --head 'flatten, dense(16, relu), dropout(0.2)' --epochs 4 --seed 3", run.Command);
        Assert.Equal(Deep, run.Layer);
        Assert.Equal(Classes, run.Classes);

        using var head = RunFolder.LoadHead(At("run"), run, CPU);
        var cache = await FeatureCache.OpenAsync(At("cache"), TestContext.Current.CancellationToken);
        var split = RowSplit.Of(cache.Rows, "cache", 0.2, 3);
        var sets = await new FeatureLoader(cache, Deep, head).LoadAsync(Classes, [split.Validation], new Progress<int>(), TestContext.Current.CancellationToken);
        Assert.Equal(run.Result.Val, TrainingLoop.Evaluate(head, sets[0]));
        sets[0].Dispose();
    }

    [Fact]
    public async Task Json_has_every_promised_field_and_words_go_to_standard_error()
    {
        var (_, output, error) = await TrainAsync("cache", "--out", "run", "--json", "--epochs", "2", "--head", "gap");

        var printed = JsonDocument.Parse(output).RootElement;
        Assert.Superset(
            new HashSet<string>
            {
                "classes", "epochs", "bestEpoch", "train", "val", "loadSeconds", "seconds", "secondsPerEpoch", "rowsPerSecond", "parameters",
                "trainableParameters", "peakMemoryBytes",
            },
            printed.EnumerateObject().Select(p => p.Name).ToHashSet());
        Assert.Equal(["loss", "accuracy", "auc"], printed.GetProperty("train").EnumerateObject().Select(p => p.Name));
        Assert.Contains("epoch 2/2", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_runs_with_one_seed_are_equal_to_the_byte_however_the_cache_is_divided()
    {
        await WriteAsync("divided", SyntheticCache.Contract(Shallow, Deep), rows => rows.AsEnumerable().Reverse(), partRows: 5);
        await TrainAsync("cache", "--out", "one");
        await TrainAsync("cache", "--out", "two");
        await TrainAsync("divided", "--out", "three");

        var weights = File.ReadAllBytes(At("one/head.safetensors"));
        Assert.Equal(weights, File.ReadAllBytes(At("two/head.safetensors")));
        Assert.Equal(weights, File.ReadAllBytes(At("three/head.safetensors")));
    }

    [Fact]
    public async Task Words_fit_80_columns_and_say_result_place_note_and_next()
    {
        var (code, output, _) = await TrainAsync("cache", "--out", "run", "--epochs", "10");

        Assert.Equal(ExitCode.Done, code);
        Assert.All(output.Split('\n'), line => Assert.InRange(line.Length, 0, 80));
        var summary = output[output.IndexOf("validation accuracy", StringComparison.Ordinal)..];
        Assert.Contains("note: The weights are seeded, not pretrained.", summary, StringComparison.Ordinal);
        Assert.Contains("run: head.safetensors, run.json, metrics.jsonl", summary, StringComparison.Ordinal);
        Assert.Contains("trainer train cache --out run-2", summary, StringComparison.Ordinal);
        Assert.Equal(10, output.Split('\n').Count(l => l.StartsWith("epoch ", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Finished_run_is_never_overwritten()
    {
        await TrainAsync("cache", "--out", "run", "--epochs", "1");
        var before = File.ReadAllText(At("run/run.json"));

        var (code, _, error) = await TrainAsync("cache", "--out", "run", "--epochs", "2");

        Assert.Equal(ExitCode.Failed, code);
        Assert.Contains("run holds a run already", error, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllText(At("run/run.json")));
        Assert.Single(File.ReadLines(At("run/metrics.jsonl")));
    }

    [Theory]
    [InlineData("--layer", "block9", ExitCode.Failed, "cache has no layer 'block9'. It has: block4_pool, block5_pool.")]
    [InlineData("--head", "gap, dense(256, rleu)", ExitCode.Usage, "Did you mean relu?")]
    [InlineData("--head", "dense(4)", ExitCode.Usage, "layer block5_pool is 8 x 3 x 3")]
    [InlineData("--epochs", "0", ExitCode.Usage, "--epochs 0")]
    [InlineData("--batch", "0", ExitCode.Usage, "--batch 0")]
    [InlineData("--lr", "nan", ExitCode.Usage, "--lr NaN")]
    [InlineData("--lr", "-1", ExitCode.Usage, "--lr -1")]
    [InlineData("--val-split", "1", ExitCode.Usage, "--val-split 1")]
    [InlineData("--early-stop", "0", ExitCode.Usage, "--early-stop 0")]
    [InlineData("--class-weights", "7", ExitCode.Usage, "--class-weights 7")]
    [InlineData("--device", "cuda", ExitCode.Failed, "-p:Accelerator=cuda")]
    [InlineData("--val", "nowhere", ExitCode.Failed, "No cache in nowhere")]
    public async Task Options_that_make_no_sense_are_refused_and_leave_nothing_behind(string option, string value, int expected, string words)
    {
        Assert.SkipWhen(option == "--device" && cuda.is_available(), "there is a GPU here");

        var (code, output, error) = await TrainAsync("cache", "--out", "run", option, value);

        Assert.Contains(words, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal); // no stack trace
        Assert.Equal((expected, ""), (code, output));
        Assert.False(Directory.Exists(At("run")));
    }

    [Fact]
    public async Task Folder_that_cannot_be_made_is_refused_before_anything_is_loaded()
    {
        File.WriteAllText(At("file"), "");

        var (code, output, error) = await TrainAsync("cache", "--out", "file/run");

        Assert.Equal((ExitCode.Failed, ""), (code, output));
        Assert.Contains("Can't write the run into file/run", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Validation_cache_of_another_model_is_refused_with_the_field()
    {
        await WriteAsync("other", SyntheticCache.Contract(Deep) with { ModelSha256 = new string('b', 64) });

        var (code, _, error) = await TrainAsync("cache", "--out", "run", "--val", "other");

        Assert.Equal(ExitCode.Failed, code);
        Assert.Contains("modelSha256", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Validation_cache_of_the_same_model_may_lack_other_layers()
    {
        await WriteAsync("other", SyntheticCache.Contract(Deep));

        var (code, output, error) = await TrainAsync("cache", "--out", "run", "--val", "other", "--epochs", "2");

        Assert.Equal((ExitCode.Done, ""), (code, code == 0 ? "" : error));
        Assert.Contains("cache: 60 to train, 60 to validate, from other", output, StringComparison.Ordinal);
        Assert.Equal(60, RunFolder.Read(At("run")).ValidationCache!.Rows);
    }

    [Fact]
    public async Task Interrupt_keeps_the_last_epoch_and_exits_130()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "signals are sent with kill");
        using var process = Start("cache", "--out", "run", "--epochs", "100000000");
        while (!(File.Exists(At("run/metrics.jsonl")) && new FileInfo(At("run/metrics.jsonl")).Length > 0) && !process.HasExited)
            await Task.Delay(20, TestContext.Current.CancellationToken);
        using var kill = Process.Start("kill", ["-TERM", $"{process.Id}"]);
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var error = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await output;
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(ExitCode.Interrupted, process.ExitCode);
        Assert.Contains("is kept in run", error, StringComparison.Ordinal);
        var run = RunFolder.Read(At("run"));
        Assert.True(run.Result.Interrupted);
        Assert.Equal(File.ReadLines(At("run/metrics.jsonl")).Count(), run.Result.Epochs);
        RunFolder.LoadHead(At("run"), run, CPU).Dispose();
    }

    private async Task WriteAsync(string name, CacheContract contract, Func<List<CacheRow>, IEnumerable<CacheRow>>? order = null, int partRows = 16)
    {
        var rows = SyntheticCache.Rows(30, Classes);
        await SyntheticCache.WriteAsync(At(name), contract, [.. order is null ? rows : order(rows)], (r, l) => SyntheticCache.Features(r, l.Shape.Length, 0.5), partRows);
    }

    private string At(string path) => Path.Combine(_folder, path);

    private async Task<(int Code, string Output, string Error)> TrainAsync(params string[] arguments)
    {
        using var process = Start(arguments);
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output, await error);
    }

    private Process Start(params string[] arguments) => Process.Start(new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "trainer"), ["train", .. arguments])
    {
        WorkingDirectory = _folder,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;
}
