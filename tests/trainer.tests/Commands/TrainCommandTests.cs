using System.Diagnostics;
using System.Text.Json;
using Headstart.Cache;
using Headstart.Models;
using Headstart.Trainer.Features;
using Headstart.Trainer.Runs;
using Headstart.Trainer.Training;
using static TorchSharp.torch;

namespace Headstart.Tests.Commands;

/// <summary>Starts the real program, as a user does.</summary>
public sealed class TrainCommandTests : IAsyncLifetime
{
    private static readonly string[] Classes = ["cats", "dogs"];
    private static readonly ModelLayer Shallow = new("block4_pool", new LayerShape(4, 6, 6));
    private static readonly ModelLayer Deep = new("block5_pool", new LayerShape(8, 3, 3));

    private readonly TemporaryFolder _folder = new();
    private readonly TrainerProgram _program;

    public TrainCommandTests() => _program = new TrainerProgram(_folder.Path);

    public async ValueTask InitializeAsync() =>
        await WriteAsync("cache", SyntheticCache.Contract(Shallow, Deep) with { ModelNote = "The weights are seeded, not pretrained." });

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Run_holds_what_was_printed_and_a_head_that_gives_the_same_figures()
    {
        var (code, output, error) = await TrainAsync(
            "cache", "--out", "run", "--json", "--epochs", "4", "--seed", "3", "--head", "flatten, dense(16, relu), dropout(0.2)");

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
        var sets = await new FeatureLoader(cache, Deep, head)
            .LoadAsync(Classes, [split.Validation], new Progress<int>(), TestContext.Current.CancellationToken);
        Assert.Equal(run.Result.PlainVal, TrainingLoop.Evaluate(head, sets[0]));
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
                "classes", "epochs", "bestEpoch", "train", "val", "loadSeconds", "seconds", "secondsPerEpoch", "rowsPerSecond",
                "parameters",
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
        Assert.Contains("run: report.html, run.json, head.safetensors", summary, StringComparison.Ordinal);
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
    [InlineData("--class-weights", "cat=2", ExitCode.Usage, "no class 'cat'. Did you mean cats?")]
    [InlineData("--optimizer", "lbfgs", ExitCode.Usage, "has dense(256, relu) in it")]
    [InlineData("--optimizer", "9", ExitCode.Usage, "there are adam, adamw, sgd and lbfgs")]
    [InlineData("--schedule", "9", ExitCode.Usage, "there are constant, cosine, step and plateau")]
    [InlineData("--warmup", "10", ExitCode.Usage, "--warmup 10: it must be at least 0 and end before the last of the 10 epochs")]
    [InlineData("--l2", "-1", ExitCode.Usage, "--l2 -1")]
    [InlineData("--weight-decay", "nan", ExitCode.Usage, "--weight-decay NaN")]
    [InlineData("--clip", "0", ExitCode.Usage, "--clip 0")]
    [InlineData("--label-smoothing", "1", ExitCode.Usage, "--label-smoothing 1")]
    [InlineData("--checkpoint-every", "-1", ExitCode.Usage, "--checkpoint-every -1")]
    [InlineData("--device", "cuda", ExitCode.Failed, "-p:Accelerator=cuda")]
    [InlineData("--val", "nowhere", ExitCode.Failed, "No cache in nowhere")]
    public async Task Options_that_make_no_sense_are_refused_and_leave_nothing_behind(
        string option, string value, int expected, string words)
    {
        Assert.SkipWhen(option == "--device" && cuda.is_available(), "there is a GPU here");

        var (code, output, error) = await TrainAsync("cache", "--out", "run", option, value);

        Assert.Contains(words, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal); // no stack trace
        Assert.Equal((expected, ""), (code, output));
        Assert.False(Directory.Exists(At("run")));
    }

    [Fact]
    public async Task Every_option_reaches_the_training_and_run_json()
    {
        var (code, _, error) = await TrainAsync(
            "cache", "--out", "run", "--optimizer", "adamw", "--schedule", "cosine", "--warmup", "0.5", "--l2", "0.001", "--weight-decay",
            "0.02", "--clip", "1.5",
            "--label-smoothing", "0.1", "--class-weights", "cats=1,dogs=2.5", "--epochs", "3", "--early-stop", "3");

        Assert.Equal((ExitCode.Done, ""), (code, code == 0 ? "" : error));
        var run = RunFolder.Read(At("run"));
        Assert.Equal(
            new TrainingOptions
            {
                Optimizer = OptimizerChoice.Adamw,
                Schedule = Schedule.Cosine,
                WarmUp = 0.5,
                L2 = 0.001,
                WeightDecay = 0.02,
                Clip = 1.5,
                LabelSmoothing = 0.1,
                ClassWeights = "cats=1,dogs=2.5",
                Epochs = 3,
                EarlyStop = 3,
            },
            run.Options);
        Assert.Equal(
            "trainer train cache --out run --epochs 3 --optimizer adamw --schedule cosine --warmup 0.5 --l2 0.001 --weight-decay 0.02 " +
            "--clip 1.5 " +
            "--label-smoothing 0.1 --class-weights cats=1,dogs=2.5 --early-stop 3",
            run.Command);
    }

    [Fact]
    public async Task Exact_solution_says_that_it_is_one()
    {
        var (code, output, error) = await TrainAsync("cache", "--out", "run", "--head", "gap", "--optimizer", "lbfgs", "--l2", "0.01");

        Assert.Equal((ExitCode.Done, ""), (code, code == 0 ? "" : error));
        Assert.Contains(": the exact solution", output, StringComparison.Ordinal);
        Assert.True(RunFolder.Read(At("run")).Result.Solution!.Converged);
        var (again, _, words) = await TrainAsync("cache", "--out", "run-2", "--head", "gap", "--optimizer", "lbfgs", "--lr", "0.1");
        Assert.Equal(ExitCode.Usage, again);
        Assert.Contains("--lr: lbfgs goes to the exact solution", words, StringComparison.Ordinal);
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
        using var process = _program.Start("cache", "--out", "run", "--epochs", "100000000");
        await _program.WaitForEpochAsync(process, "run");
        using var kill = Process.Start("kill", ["-TERM", $"{process.Id}"]);
        var (code, _, error) = await TrainerProgram.EndAsync(process);

        Assert.Equal(ExitCode.Interrupted, code);
        Assert.Contains("is kept in run", error, StringComparison.Ordinal);
        var run = RunFolder.Read(At("run"));
        Assert.True(run.Result.Interrupted);
        Assert.Equal(File.ReadLines(At("run/metrics.jsonl")).Count(), run.Result.Epochs);
        RunFolder.LoadHead(At("run"), run, CPU).Dispose();
    }

    private async Task WriteAsync(
        string name, CacheContract contract, Func<List<CacheRow>, IEnumerable<CacheRow>>? order = null, int partRows = 16)
    {
        var rows = SyntheticCache.Rows(30, Classes);
        await SyntheticCache.WriteAsync(At(name), contract, [.. order is null ? rows : order(rows)],
            (r, l) => SyntheticCache.Features(r, l.Shape.Length, 0.5), partRows);
    }

    private string At(string path) => _program.At(path);

    private Task<(int Code, string Output, string Error)> TrainAsync(params string[] arguments) => _program.TrainAsync(arguments);
}
