using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using CsvHelper;
using Headstart.Models;
using Headstart.Tests.Commands;
using Headstart.Tests.FineTuning;
using Headstart.Trainer.Runs;
using Headstart.Trainer.Sweeps;
using static TorchSharp.torch;

namespace Headstart.Tests.Sweeps;

/// <summary>The real program: sweeps that tune a small VGG.</summary>
public sealed class TunedSweepTests(TunedSweepSample shared) : IClassFixture<TunedSweepSample>
{
    private const string Head = """ "head": "gap, dense(8, relu), dropout(0.2)", "lr": 1e-2, "epochs": 2, "batch": 8 """;
    private const string Space = """
        {"seeds": 2, "options": {
        """ + Head + """
        , "unfreeze": [0, 1, 2], "finetune-lr": [1e-4, 1e-3], "finetune-epochs": 2, "finetune-batch": 8}}
        """;

    private static readonly string[] ByHand =
        ["--head", "gap, dense(8, relu), dropout(0.2)", "--lr", "1e-2", "--epochs", "2", "--batch", "8"];

    private TrainerProgram Program => shared.Sample.Program;

    [Fact]
    public async Task A_trial_is_what_train_and_finetune_make_by_hand_and_the_best_is_a_run_like_any_other()
    {
        var (code, output, error) = await SweepAsync(Space, "deep", "--out", "byhand/sweep", "--json");
        Assert.True(code == ExitCode.Done, error);
        Assert.Contains("tuned in 4 of them: vgg11, from cached block1_pool (64 x 16 x 16)", error, StringComparison.Ordinal);
        Assert.All(error.Split('\n'), line => Assert.True(line.Length <= 80 || line.Contains("trainer ", StringComparison.Ordinal), line));
        var result = JsonNode.Parse(output)!;
        var trials = result["trials"]!.AsArray();
        Assert.Equal(5, trials.Count); // the head alone, and 2 x 2

        // To the last bit: all are computed from the one layer that the cache has before both depths.
        foreach (var seed in new[] { 0, 1 })
        {
            await DoneAsync(["train", "deep", "--out", $"byhand/head{seed}", "--seed", $"{seed}", .. ByHand]);
            Assert.Equal(RunFolder.Read(Program.At($"byhand/head{seed}")).Result.PlainVal.Loss, Loss(0, null, seed));
            foreach (var (depth, rate) in new[] { (1, 1e-3), (2, 1e-4) })
            {
                var run = $"byhand/tuned{depth}{seed}";
                await DoneAsync("finetune", $"byhand/head{seed}", "--out", run, "--model", "vgg.onnx", "--cache", "deep", "--unfreeze",
                    $"{depth}", "--lr", $"{rate}", "--epochs", "2", "--batch", "8");
                Assert.Equal(RunFolder.Read(Program.At(run)).Result.PlainVal.Loss, Loss(depth, rate, seed));
            }
        }

        // A cache with a deeper layer too gives finetune less to compute, in ONNX Runtime's rounding.
        await DoneAsync("finetune", "byhand/head0", "--out", "byhand/near", "--model", "vgg.onnx", "--cache", "cache", "--unfreeze", "1",
            "--lr", "0.0001", "--epochs", "2", "--batch", "8");
        Assert.Equal("block2_pool", RunFolder.Read(Program.At("byhand/near")).Tuning!.Prefix);
        Assert.Equal(RunFolder.Read(Program.At("byhand/near")).Result.PlainVal.Loss, Loss(1, 1e-4, 0), 1e-4);

        var best = result["best"]!;
        var bestRun = RunFolder.Read(Program.At("byhand/sweep/best"));
        Assert.Equal((string)best["command"]!, bestRun.Command);
        Assert.Equal((double)best["repeats"]![0]!["val"]!["loss"]!, bestRun.Result.PlainVal.Loss);
        var accuracies = trials.Select(t => (double)t!["val"]!["accuracy"]!).ToList();
        Assert.Equal(accuracies.OrderDescending(), accuracies);
        Assert.Equal(["best", "depth-and-rate.csv", .. bestRun.Tuning is null
            ? Array.Empty<string>()
            : ["head"], "leaderboard.csv", "report.html", "sweep.json", "trials.jsonl"], Entries("byhand/sweep"));

        double Loss(int depth, double? rate, int seed) =>
            (double)trials.Single(
                t => (int)t!["unfreeze"]! == depth && (double?)t["finetune-lr"] == rate)!["repeats"]![seed]!["val"]!["loss"]!;
    }

    [Fact]
    public async Task A_tuned_best_run_is_evaluated_and_exported_and_its_commands_make_it_again()
    {
        // So little is learnt by the head that tuning is better.
        const string Little = """{"rank": "loss", "options": {"head": "gap", "lr": 1e-6, "epochs": 1, "batch": 8, "unfreeze": 1, "finetune-lr": [1e-4], "finetune-epochs": 4, "finetune-batch": 4}}""";
        var (code, output, error) = await SweepAsync(Little, "deep", "--out", "best/sweep", "--json");
        Assert.True(code == ExitCode.Done, error);
        var best = JsonNode.Parse(output)!["best"]!;
        Assert.Equal(1, (int)best["unfreeze"]!);
        Assert.Equal("trainer finetune best/sweep/head --out best/sweep/best --model vgg.onnx --cache deep --unfreeze 1 --lr 0.0001 " +
            "--epochs 4 --batch 4", (string)best["command"]!);

        var run = RunFolder.Read(Program.At("best/sweep/best"));
        var report = JsonNode.Parse((await Program.RunAsync("evaluate", "best/sweep/best", "deep", "--json")).Output)!;
        Assert.Equal(run.Result.Val.Auc!.Value, (double)report["auc"]!, 1e-12);
        await DoneAsync("export", "best/sweep/best", "--model", "vgg.onnx", "--out", "best/classifier.onnx");

        foreach (var name in new[] { "headCommand", "command" })
            await DoneAsync([.. ((string)best[name]!).Replace("best/sweep/", "best/again/", StringComparison.Ordinal).Split(' ').Skip(1)]);
        foreach (var file in new[] { "head.safetensors", "base.safetensors" })
            Assert.Equal(
                File.ReadAllBytes(Program.At($"best/sweep/best/{file}")), File.ReadAllBytes(Program.At($"best/again/best/{file}")));
    }

    [Fact]
    public async Task Folds_are_repeats_of_heads_and_of_what_is_tuned_from_them()
    {
        var (code, _, error) = await SweepAsync(Space, "deep", "--out", "folds", "--folds", "3");
        Assert.True(code == ExitCode.Done, error);

        using var csv = new CsvReader(new StreamReader(Program.At("folds/depth-and-rate.csv")), CultureInfo.InvariantCulture);
        var rows = csv.GetRecords<dynamic>().Select(r => (IDictionary<string, object>)r).ToList();
        Assert.Equal(["head alone", "1 block", "1 block", "2 blocks", "2 blocks"], rows.Select(r => r["tuned"]));
        Assert.All(rows, r => Assert.Equal("6", r["n"])); // 2 seeds, 3 folds
        var result = JsonNode.Parse(File.ReadAllText(Program.At("folds/sweep.json")))!;
        foreach (var row in rows)
        {
            var trial = result["trials"]!.AsArray().Single(t => $"{t!["trial"]}" == (string)row["trial"])!;
            Assert.Equal((double)trial["val"]!["accuracy"]!, double.Parse((string)row["accuracy"], CultureInfo.InvariantCulture));
            Assert.Equal((double)trial["sd"]!["accuracy"]!, double.Parse((string)row["accuracy_sd"], CultureInfo.InvariantCulture));
        }

        var text = (string)result["recommendation"]!["text"]!;
        Assert.StartsWith("Unfreeze ", text, StringComparison.Ordinal);
        var page = File.ReadAllText(Program.At("folds/report.html"));
        Assert.Contains("Accuracy against depth and rate", page, StringComparison.Ordinal);
        Assert.Contains(text[..text.IndexOf(',', StringComparison.Ordinal)], page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Sweep_killed_at_random_moments_and_resumed_has_the_same_figures_and_computes_nothing_twice()
    {
        Assert.Equal(ExitCode.Done, (await SweepAsync(Space, "deep", "--out", "whole")).Code);
        var random = new SeededRandom(Environment.ProcessId, "moments to kill");
        var (kills, afterTrials, lines) = (0, 0, 0);
        while (true)
        {
            using var process =
                Program.StartSweep("deep", "--space", SpaceFile(Space), "--model", "vgg.onnx", "--out", "killed", "--resume");
            var ended = TrainerProgram.EndAsync(process);
            if (kills < 4)
            {
                while (!process.HasExited && Lines() <= lines)
                    await Task.Delay(5, TestContext.Current.CancellationToken);
                await Task.WhenAny(ended, Task.Delay(random.NextBelow(200), TestContext.Current.CancellationToken));
                process.Kill();
            }

            var (code, _, error) = await ended;
            afterTrials += Lines() > lines ? 1 : 0;
            lines = Lines();
            if (code == ExitCode.Done)
                break;
            Assert.True(error.Length == 0, error);
            kills++;
        }

        Assert.True(kills >= 2 && afterTrials >= 2, $"{kills} kills, {afterTrials} after more trials: the sweep was too fast to be killed");
        Assert.Equal(Figures("whole"), Figures("killed"));
        Assert.Equal(10, File.ReadLines(Program.At("killed/trials.jsonl")).Count());
        Assert.Equal(
            File.ReadAllBytes(Program.At("whole/best/head.safetensors")), File.ReadAllBytes(Program.At("killed/best/head.safetensors")));
        Assert.Equal(Entries("whole"), Entries("killed"));

        int Lines() =>
            File.Exists(Program.At("killed/trials.jsonl")) ? ReadShared(Program.At("killed/trials.jsonl")).Count(c => c == '\n') : 0;
    }

    [Fact]
    public async Task The_example_of_the_documentation_runs_as_it_stands()
    {
        var text = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs", "SWEEPS.md"), TestContext.Current.CancellationToken);
        var example = text.Split("```json\n").Skip(1).Select(block => block.Split("```")[0])
            .Single(block => block.Contains("unfreeze", StringComparison.Ordinal));

        var (code, output, error) = await SweepAsync(example, "deep", "--out", "example");

        Assert.True(code == ExitCode.Done, error);
        Assert.Contains("gain over the head alone ± what chance explains", output, StringComparison.Ordinal);
        Assert.Contains("beside ", output, StringComparison.Ordinal);
        Assert.All(output.Split('\n'), line => Assert.True(line.Length <= 80 || line.Contains("trainer ", StringComparison.Ordinal), line));
    }

    [Fact]
    public async Task What_is_no_VGG_is_tuned_from_tensors_that_are_named()
    {
        await shared.WriteOtherAsync();
        var (code, output, error) = await SweepAsync(
            "{\"options\": {" + Head + ", \"unfreeze-from\": [\"block3_conv1\", \"block2_pool\"], \"finetune-epochs\": 1}}", "other",
            "--out", "named", "--model", "other.onnx");
        Assert.True(code == ExitCode.Done, error);
        Assert.Contains("after block3_conv1", output, StringComparison.Ordinal);
        Assert.Contains("from cached block2_pool (128 x 8 x 8)", output, StringComparison.Ordinal);

        Assert.Contains("block2_pool (cached), block3_conv1_linear",
            (await SweepAsync("""{"options": {"unfreeze": [0, 1]}}""", "other", "--out", "x", "--model", "other.onnx")).Error,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"unfreeze": [0, 1]}""", "",
        "wrong.json: options.unfreeze: to tune a base takes the base. Give the model that made cache, with --model FILE.onnx.")]
    [InlineData("""{"lr": [1e-3]}""", "vgg.onnx", "--model vgg.onnx: nothing in wrong.json tunes it.")]
    [InlineData("""{"unfreeze": [1, 2]}""", "vgg.onnx", "cache has block2_pool, block3_pool, none of which lies before what is to be " +
        "tuned. Add it with 'extractor extract IMAGES --model vgg.onnx --layer block1_pool --out cache', or unfreeze less.")]
    [InlineData("""{"unfreeze": [3]}""", "vgg.onnx", "which no cache can hold. Unfreeze less.")]
    [InlineData("""{"unfreeze": [4]}""", "vgg.onnx", "trial 2 (unfreeze=4): --unfreeze 4: the number of blocks is 1 to 3")]
    [InlineData("""{"unfreeze": [1]}""", "other.onnx", "other.onnx has modelSha256 '")]
    public async Task What_can_not_be_tuned_is_said(string options, string model, string words)
    {
        await shared.WriteOtherAsync();
        File.WriteAllText(Program.At("wrong.json"), $$"""{"options": {{options}}}""");

        var (code, _, error) = await Program.SweepAsync(
            ["cache", "--space", "wrong.json", "--out", "x", .. model.Length == 0 ? Array.Empty<string>() : ["--model", model]]);

        Assert.NotEqual(ExitCode.Done, code);
        Assert.Contains(words, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
        Assert.False(File.Exists(Program.At("x/resume.json")));
    }

    [Fact]
    public async Task A_base_that_is_computed_wrongly_ends_the_sweep_before_a_trial_is_tuned()
    {
        var file = Program.At(SpaceFile("{\"seeds\": 1, \"options\": {" + Head + ", \"unfreeze\": [0, 1], \"finetune-lr\": 1e-4}}"));
        var arguments =
            new SweepRequest { Cache = Program.At("deep"), Space = file, Out = Program.At("wrong-sweep"), Model = Program.At("vgg.onnx") };
        var space = SpaceReader.Read(file);
        var trials = TrialDraw.Trials(space, arguments.Basis, file);
        var data = await SweepData.OpenAsync(arguments.Cache, null, 0.2, null, space.Seed, TestContext.Current.CancellationToken);
        using var folder = SweepFolder.Create(arguments.Out, resume: false);
        var run =
            new SweepRun(space, [.. trials.Where(t => t.Tuning is null)], null, keepsHeads: true, data, folder, CPU, TimeProvider.System);
        var tuned = new TunedTrials(
            trials, run.Repeats, ModelFile.Load(arguments.Model!), data, folder, CPU, TimeProvider.System, BrokenConvolutions.Both(256));
        var splits = run.Splits.Distinct().ToList();
        using (var features = await data.LoadAsync(splits, run.Forms, new Progress<int>(), TestContext.Current.CancellationToken))
            run.Run(features, _ => { }, _ => { }, TestContext.Current.CancellationToken);
        using var prefix = await tuned.LoadAsync(splits, new Progress<int>(), TestContext.Current.CancellationToken);

        var error = Assert.Throws<CommandException>(() => tuned.Run(prefix, _ => { }, TestContext.Current.CancellationToken));

        Assert.Contains("'block3_conv1_linear' (Conv) differs from ONNX Runtime", error.Message, StringComparison.Ordinal);
        Assert.Single(folder.Outcomes); // the head alone
    }

    private async Task<(int Code, string Output, string Error)> SweepAsync(string space, params string[] arguments) =>
        await Program.SweepAsync(
            [.. arguments, "--space", SpaceFile(space), .. arguments.Contains("--model")
                ? Array.Empty<string>()
                : ["--model", "vgg.onnx"]]);

    // One file for each content: tests run beside each other.
    private string SpaceFile(string space)
    {
        var name = $"space-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(space)))[..8]}.json";
        File.WriteAllText(Program.At(name), space);
        return name;
    }

    private async Task DoneAsync(params string[] arguments)
    {
        var (code, _, error) = await Program.RunAsync(arguments);
        Assert.True(code == ExitCode.Done, error);
    }

    private IEnumerable<string?> Entries(string folder) =>
        Directory.EnumerateFileSystemEntries(Program.At(folder)).Select(Path.GetFileName).Order(StringComparer.Ordinal);

    // All but the times.
    private string Figures(string folder)
    {
        var result = JsonNode.Parse(File.ReadAllText(Program.At($"{folder}/sweep.json")))!;
        foreach (var row in result["trials"]!.AsArray().Concat(result["depths"]!.AsArray()))
            row!.AsObject().Remove("seconds");
        return result["trials"]!.ToJsonString() + result["depths"]!.ToJsonString() + result["recommendation"]!.ToJsonString();
    }

    private static string ReadShared(string path)
    {
        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return reader.ReadToEnd();
    }
}

/// <summary>What the sweeps read: made once, as every picture goes through the network.</summary>
public sealed class TunedSweepSample : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();

    internal TuningSample Sample { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Sample = await TuningSample.CreateAsync(_folder);
        await Sample.WriteCacheAsync("deep", ["block1_pool", "block3_pool"]);
    }

    /// <summary>The same network, of which nobody knows that it is a VGG: <c>other.onnx</c> and the cache <c>other</c>.</summary>
    internal async Task WriteOtherAsync()
    {
        if (File.Exists(Sample.Program.At("other.onnx")))
            return;
        ModelFile.Save(
            Sample.Model.Proto, Sample.Model.Contract with { Name = "other", Architecture = "onnx" }, Sample.Program.At("other.onnx"));
        await Sample.WriteCacheAsync("other", ["block2_pool", "block3_pool"], of: ModelFile.Load(Sample.Program.At("other.onnx")));
    }

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }
}
