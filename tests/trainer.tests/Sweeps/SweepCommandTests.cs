using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using CsvHelper;
using Headstart.Models;
using Headstart.Tests.Commands;
using Headstart.Trainer.Runs;

namespace Headstart.Tests.Sweeps;

/// <summary>Starts the real program.</summary>
public sealed class SweepCommandTests : IAsyncLifetime
{
    private const string Grid = """
        {"options": {"head": ["gap", "gmp", "flatten, dense(8, relu), batchnorm", "gap, dense(4, relu)"], "lr": [1e-3, 1e-2], "epochs": 4, "batch": 8}}
        """;
    private const string Halving = """
        {"search": "halving", "trials": 14, "seed": 3, "seeds": 2, "options": {
          "head": ["gap", "gap, dense(6, relu), dropout(0.2)", "flatten, dense(8, relu), batchnorm"], "lr": {"log": [1e-4, 1e-1]}, "epochs": 60, "batch": 8,
          "schedule": ["constant", "cosine"]}}
        """;

    private static readonly ModelLayer Layer = new("block5_pool", new LayerShape(16, 3, 3));

    private readonly TemporaryFolder _folder = new();
    private readonly TrainerProgram _program;

    public SweepCommandTests() => _program = new TrainerProgram(_folder.Path);

    public async ValueTask InitializeAsync()
    {
        await SyntheticCache.WriteAsync(
            _program.At("cache"), SyntheticCache.Contract(Layer), SyntheticCache.Rows(40, ["cats", "dogs"]),
            (r, l) => SyntheticCache.Features(r, l.Shape.Length, 0.1));
        File.WriteAllText(_program.At("grid.json"), Grid);
        File.WriteAllText(_program.At("halving.json"), Halving);
    }

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Grid_ends_in_a_leaderboard_and_a_run_that_its_command_repeats()
    {
        var (code, output, error) = await _program.SweepAsync("cache", "--space", "grid.json", "--out", "sweep", "--json");

        Assert.True(code == ExitCode.Done, error);
        Assert.All(
            error.Split('\n'), line => Assert.True(line.Length <= 80 || line.Contains("trainer train", StringComparison.Ordinal), line));
        var result = JsonNode.Parse(output)!;
        var trials = result["trials"]!.AsArray();
        Assert.Equal(8, trials.Count);
        Assert.All(trials, t => Assert.NotNull(t!["head"] ?? t["lr"] ?? t["val"]!["loss"] ?? t["seconds"]));
        var accuracies = trials.Select(t => (double)t!["val"]!["accuracy"]!).ToList();
        Assert.Equal(accuracies.OrderDescending(), accuracies);
        Assert.True(JsonNode.DeepEquals(result, JsonNode.Parse(File.ReadAllText(_program.At("sweep/sweep.json")))));
        Assert.Equal(["best", "leaderboard.csv", "report.html", "sweep.json", "trials.jsonl"], Entries("sweep"));

        // What was computed together or from shared features is what the same training alone gives.
        var best = result["best"]!;
        var command = (string)best["command"]!;
        var run = RunFolder.Read(_program.At("sweep/best"));
        Assert.Equal(command, run.Command);
        Assert.Equal((double)best["val"]!["loss"]!, run.Result.PlainVal.Loss, 1e-4);
        string[] words = ["cache", "--out", "again", "--head", run.Arguments!.Head, "--lr", $"{run.Arguments.LearningRate}", "--epochs",
            "4", "--batch", "8"];
        Assert.Equal(ExitCode.Done, (await _program.TrainAsync(words)).Code);
        Assert.Equal(
            File.ReadAllBytes(_program.At("again/head.safetensors")), File.ReadAllBytes(_program.At("sweep/best/head.safetensors")));
        Assert.Equal(RunFolder.Read(_program.At("again")).Result.Val, run.Result.Val);

        // Every trial, not only the best one.
        foreach (var trial in trials.Where(t => (double)t!["lr"]! == 1e-2))
        {
            var name = $"trial{trial!["trial"]}";
            Assert.Equal(ExitCode.Done, (await _program.TrainAsync(
                "cache", "--out", name, "--head", (string)trial["head"]!, "--lr", "0.01", "--epochs", "4", "--batch", "8")).Code);
            Assert.Equal(RunFolder.Read(_program.At(name)).Result.PlainVal.Loss, (double)trial["val"]!["loss"]!,
                2e-3 * (double)trial["val"]!["loss"]!);
        }
    }

    [Fact]
    public async Task Leaderboard_is_a_table_that_csv_readers_read()
    {
        await _program.SweepAsync("cache", "--space", "grid.json", "--out", "sweep", "--folds", "4");

        using var csv = new CsvReader(new StreamReader(_program.At("sweep/leaderboard.csv")), CultureInfo.InvariantCulture);
        var rows = csv.GetRecords<dynamic>().Select(r => (IDictionary<string, object>)r).ToList();
        Assert.Equal(8, rows.Count);
        Assert.Equal(Enumerable.Range(1, 8).Select(i => $"{i}"), rows.Select(r => r["rank"]));
        Assert.Contains(rows, r => (string)r["head"] == "flatten, dense(8, relu), batchnorm");
        Assert.All(rows, r => Assert.Equal("4", r["n"]));
        Assert.All(rows, r => Assert.InRange(double.Parse((string)r["accuracy_sd"], CultureInfo.InvariantCulture), 0, 0.5));
        var trials = JsonNode.Parse(File.ReadAllText(_program.At("sweep/sweep.json")))!["trials"]!.AsArray();
        foreach (var trial in trials)
        {
            var accuracies = trial!["repeats"]!.AsArray().Select(r => (double)r!["val"]!["accuracy"]!).ToList();
            Assert.Equal([1, 2, 3, 4], trial["repeats"]!.AsArray().Select(r => (int)r!["fold"]!));
            Assert.Equal(accuracies.Average(), (double)trial["val"]!["accuracy"]!, 1e-12);
            Assert.Equal(
                Math.Sqrt(accuracies.Sum(a => Math.Pow(a - accuracies.Average(), 2)) / 3), (double)trial["sd"]!["accuracy"]!, 1e-12);
        }
    }

    [Fact]
    public async Task Sweep_killed_at_random_moments_and_resumed_has_the_same_leaderboard_and_computes_nothing_twice()
    {
        Assert.Equal(ExitCode.Done, (await _program.SweepAsync("cache", "--space", "halving.json", "--out", "whole")).Code);
        var random = new SeededRandom(Environment.ProcessId, "moments to kill");
        var lines = "";
        var kills = 0;
        var afterTrials = 0;
        while (true)
        {
            using var process = _program.StartSweep("cache", "--space", "halving.json", "--out", "killed", "--resume");
            var ended = TrainerProgram.EndAsync(process);
            if (kills < 6)
            {
                // By turns soon after a trial, and anywhere from the program's start: later it might have ended.
                while (kills % 2 == 0 && !process.HasExited && Lines().Length <= lines.Length)
                    await Task.Delay(5, TestContext.Current.CancellationToken);
                await Task.WhenAny(ended, Task.Delay(random.NextBelow(kills % 2 == 0 ? 100 : 600), TestContext.Current.CancellationToken));
                process.Kill();
            }

            var (code, _, error) = await ended;
            Assert.StartsWith(lines, Lines(), StringComparison.Ordinal); // only ever added to
            afterTrials += Lines().Length > lines.Length ? 1 : 0;
            lines = Lines()[..(Lines().LastIndexOf('\n') + 1)];
            if (code == ExitCode.Done)
                break;
            Assert.True(error.Length == 0, error);
            kills++;
        }

        TestContext.Current.TestOutputHelper!.WriteLine($"{kills} kills, {afterTrials} of them after more trials");
        Assert.True(kills >= 3 && afterTrials > 1, "the sweep was too fast to be killed");
        Assert.Equal(Figures("whole"), Figures("killed"));
        Assert.Equal(
            File.ReadAllBytes(_program.At("whole/best/head.safetensors")), File.ReadAllBytes(_program.At("killed/best/head.safetensors")));
        Assert.Equal(File.ReadLines(_program.At("whole/trials.jsonl")).Count(), File.ReadLines(_program.At("killed/trials.jsonl")).Count());
        Assert.Equal(["best", "leaderboard.csv", "report.html", "sweep.json", "trials.jsonl"], Entries("killed"));

        string Lines()
        {
            var path = _program.At("killed/trials.jsonl");
            if (!File.Exists(path))
                return "";
            using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
            return reader.ReadToEnd();
        }
    }

    [Fact]
    public async Task Survivor_of_halving_is_what_training_to_the_end_in_one_go_gives()
    {
        await _program.SweepAsync("cache", "--space", "halving.json", "--out", "sweep");

        var best = JsonNode.Parse(File.ReadAllText(_program.At("sweep/sweep.json")))!["best"]!;
        Assert.Equal(60, (int)best["epochs"]!);
        var run = RunFolder.Read(_program.At("sweep/best")).Result;
        Assert.Equal(run.PlainVal.Loss, (double)best["repeats"]![0]!["val"]!["loss"]!, 0.02 * run.PlainVal.Loss); // 60 epochs of rounding
    }

    [Fact]
    public async Task Finished_sweep_is_told_and_an_unfinished_one_stays_as_it_is()
    {
        await _program.SweepAsync("cache", "--space", "grid.json", "--out", "sweep");
        var (again, _, refusal) = await _program.SweepAsync("cache", "--space", "grid.json", "--out", "sweep");
        var (done, output, _) = await _program.SweepAsync("cache", "--space", "grid.json", "--out", "sweep", "--resume", "--json");
        var (other, _, reason) = await _program.SweepAsync("cache", "--space", "halving.json", "--out", "sweep", "--resume");

        Assert.Equal((ExitCode.Failed, ExitCode.Done, ExitCode.Usage), (again, done, other));
        Assert.Contains("sweep holds a sweep or a run already, and stays as it is.", refusal, StringComparison.Ordinal);
        Assert.Equal(8, JsonNode.Parse(output)!["trials"]!.AsArray().Count);
        Assert.Contains("had another content of the file", reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--folds 1", "--folds 1: there must be at least 2.", ExitCode.Usage)]
    [InlineData("--folds 3 --val cache", "--folds and --val:", ExitCode.Usage)]
    [InlineData("--folds 100", "has 40 different images, too few for --folds 100.", ExitCode.Failed)]
    [InlineData("--layer blokc5", "cache has no layer 'blokc5'. It has: block5_pool.", ExitCode.Failed)]
    [InlineData("--val-split 2", "--val-split 2: the fraction", ExitCode.Usage)]
    public async Task Option_that_makes_no_sense_is_named_and_nothing_is_left_behind(string options, string words, int code)
    {
        var (found, _, error) = await _program.SweepAsync(["cache", "--space", "grid.json", "--out", "sweep", .. options.Split(' ')]);

        Assert.Equal(code, found);
        Assert.Contains(words, error, StringComparison.Ordinal);
        Assert.False(File.Exists(_program.At("sweep/sweep.json")));
    }

    [Theory]
    [InlineData(
        """{"options": {"head": ["gap", "avgpool(9)"]}}""", "trial 2 (head='avgpool(9)'): --head, column 1: avgpool has a window of 9 x 9")]
    [InlineData("""{"options": {"class-weights": ["cats=2", "catz=2"]}}""",
        "trial 2 (class-weights=catz=2): --class-weights catz=2: there is no class 'catz'. Did you mean cats?")]
    [InlineData("""{"options": {"lr": [1e38], "head": "gap, dense(4, relu)"}}""", "Every trial failed. The first: ")]
    public async Task Trial_that_does_not_fit_the_cache_is_named(string space, string words)
    {
        File.WriteAllText(_program.At("bad.json"), space);

        var (code, _, error) = await _program.SweepAsync("cache", "--space", "bad.json", "--out", "sweep");

        Assert.NotEqual(ExitCode.Done, code);
        Assert.Contains(words, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Trials_that_diverge_come_last_with_the_reason()
    {
        File.WriteAllText(_program.At("wild.json"), """{"options": {"lr": [1e38, 1e-3, 1e-2], "head": ["gap, dense(4, relu)", "flatten, batchnorm, dense(4, relu)"], "epochs": 3}}""");

        var (code, output, error) = await _program.SweepAsync("cache", "--space", "wild.json", "--out", "sweep", "--json");

        Assert.True(code == ExitCode.Done, error);
        var trials = JsonDocument.Parse(output).RootElement.GetProperty("trials").EnumerateArray().ToList();
        Assert.Equal([1e-3, 1e-2], trials.Take(4).Select(t => t.GetProperty("lr").GetDouble()).Distinct().Order());
        Assert.All(trials.Skip(4), t => Assert.Contains("diverged", t.GetProperty("error").GetString(), StringComparison.Ordinal));
    }

    private IEnumerable<string?> Entries(string folder) =>
        Directory.EnumerateFileSystemEntries(_program.At(folder)).Select(Path.GetFileName).Order(StringComparer.Ordinal);

    // All but the times.
    private string Figures(string folder)
    {
        var trials = JsonNode.Parse(File.ReadAllText(_program.At($"{folder}/sweep.json")))!["trials"]!.AsArray();
        foreach (var trial in trials)
            trial!.AsObject().Remove("seconds");
        return trials.ToJsonString();
    }
}
