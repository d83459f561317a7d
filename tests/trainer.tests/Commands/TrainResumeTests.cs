using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Headstart.Models;
using Headstart.Trainer.Runs;

namespace Headstart.Tests.Commands;

/// <summary>Starts, kills and resumes the real program.</summary>
public sealed class TrainResumeTests : IAsyncLifetime
{
    private static readonly ModelLayer Layer = new("block5_pool", new LayerShape(16, 3, 3));
    private static readonly string[] Options =
    [
        "--head", "flatten, dense(32, relu), dropout(0.3), batchnorm", "--epochs", "150", "--batch", "8", "--schedule", "cosine",
        "--early-stop", "140", "--seed", "7",
    ];

    private readonly TemporaryFolder _folder = new();
    private readonly TrainerProgram _program;

    public TrainResumeTests() => _program = new TrainerProgram(_folder.Path);

    public async ValueTask InitializeAsync() => await WriteCacheAsync(0);

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Run_killed_at_random_moments_and_resumed_ends_with_the_same_numbers()
    {
        Assert.Equal(ExitCode.Done, (await _program.TrainAsync(["cache", "--out", "whole", .. Options])).Code);
        var random = new SeededRandom(Environment.ProcessId, "moments to kill");
        var kills = 0;
        var afterEpochs = 0;
        while (true)
        {
            // The same line each time, as a batch system would start it again.
            var checkpoint = LastCheckpoint();
            using var process = _program.Start(["cache", "--out", "killed", .. Options, "--checkpoint-every", "0.05", "--resume"]);
            var ended = TrainerProgram.EndAsync(process);
            if (kills < 6)
            {
                // By turns at any moment, loading and the very start included, and while checkpoints are being written.
                while (kills % 2 == 0 && !process.HasExited && LastCheckpoint() == checkpoint)
                    await Task.Delay(5, TestContext.Current.CancellationToken);
                await Task.WhenAny(ended, Task.Delay(random.NextBelow(kills % 2 == 0 ? 100 : 2000), TestContext.Current.CancellationToken));
                process.Kill();
            }

            var (code, _, error) = await ended;
            if (code == ExitCode.Done)
                break;
            Assert.True(error.Length == 0, error);
            kills++;
            afterEpochs += LastCheckpoint() != checkpoint ? 1 : 0;
        }

        TestContext.Current.TestOutputHelper!.WriteLine($"{kills} kills, {afterEpochs} of them after a new checkpoint");
        Assert.True(afterEpochs > 0, "the training was too fast to be killed");
        Assert.Equal(File.ReadAllBytes(_program.At("whole/head.safetensors")), File.ReadAllBytes(_program.At("killed/head.safetensors")));
        Assert.Equal(Metrics("whole"), Metrics("killed"));
        var (whole, killed) = (RunFolder.Read(_program.At("whole")), RunFolder.Read(_program.At("killed")));
        Assert.Equal((whole.Result.Train, whole.Result.Val, whole.Result.SavedEpoch),
            (killed.Result.Train, killed.Result.Val, killed.Result.SavedEpoch));
        Assert.Equal(
            ["events.out.tfevents", "head.safetensors", "metrics.jsonl", "report.html", "run.json"],
            Directory.EnumerateFiles(_program.At("killed")).Select(f => Path.GetFileName(f))
                .Select(n => n.StartsWith("events.", StringComparison.Ordinal) ? n[..19] : n).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Interrupted_run_is_resumed_with_its_own_options()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "signals are sent with kill");
        await _program.TrainAsync(["cache", "--out", "whole", .. Options]);
        using var process = _program.Start(["cache", "--out", "run", .. Options, "--checkpoint-every", "0"]);
        await _program.WaitForEpochAsync(process, "run");
        using var kill = Process.Start("kill", ["-TERM", $"{process.Id}"]);
        var (code, _, error) = await TrainerProgram.EndAsync(process);
        Assert.Equal(ExitCode.Interrupted, code);
        Assert.Contains("--resume goes on", error, StringComparison.Ordinal);
        Assert.True(RunFolder.Read(_program.At("run")).Result.Interrupted);

        var (refused, _, words) = await _program.TrainAsync(["cache", "--out", "run", .. Options]);
        Assert.Equal(ExitCode.Failed, refused);
        Assert.Contains("Go on with it by --resume", words, StringComparison.Ordinal);
        var (other, _, reason) = await _program.TrainAsync("cache", "--out", "run", "--resume", "--epochs", "10"); // the default, but typed
        Assert.Equal(ExitCode.Usage, other);
        Assert.Contains("--epochs 10: run was begun with 150.", reason, StringComparison.Ordinal);

        var (done, output, _) = await _program.TrainAsync("cache", "--out", "run", "--resume", "--json");

        Assert.Equal(ExitCode.Done, done);
        Assert.InRange(JsonDocument.Parse(output).RootElement.GetProperty("resumedAfter").GetInt32(), 1, 149);
        Assert.Equal(File.ReadAllBytes(_program.At("whole/head.safetensors")), File.ReadAllBytes(_program.At("run/head.safetensors")));
        Assert.Equal(Metrics("whole"), Metrics("run"));
        Assert.False(RunFolder.Read(_program.At("run")).Result.Interrupted);
    }

    [Fact]
    public async Task Finished_run_has_nothing_to_resume_and_says_its_figures()
    {
        await _program.TrainAsync("cache", "--out", "run", "--epochs", "2");
        var before = File.GetLastWriteTimeUtc(_program.At("run/run.json"));

        var (code, output, _) = await _program.TrainAsync("cache", "--out", "run", "--epochs", "2", "--resume", "--json");
        var (refused, _, error) = await _program.TrainAsync("cache", "--out", "run", "--epochs", "20", "--resume");

        Assert.Equal(ExitCode.Done, code);
        Assert.Equal(2, JsonDocument.Parse(output).RootElement.GetProperty("epochs").GetInt32());
        Assert.Equal(before, File.GetLastWriteTimeUtc(_program.At("run/run.json")));
        Assert.Equal(ExitCode.Usage, refused);
        Assert.Contains("--epochs 20: run was begun with 2.", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cache_that_is_another_one_at_the_resume_is_refused_with_the_part()
    {
        using (var process = _program.Start("cache", "--out", "run", "--epochs", "100000000", "--checkpoint-every", "0"))
        {
            await _program.WaitForEpochAsync(process, "run");
            process.Kill();
            await TrainerProgram.EndAsync(process);
        }

        Directory.Delete(_program.At("cache"), recursive: true);
        await WriteCacheAsync(1);

        var (code, _, error) = await _program.TrainAsync("cache", "--out", "run", "--resume");

        Assert.Equal(ExitCode.Failed, code);
        Assert.Contains("cache is not what it was when the run in run began: ", error, StringComparison.Ordinal);
        Assert.Contains(".parquet", error, StringComparison.Ordinal);
    }

    private async Task WriteCacheAsync(long seed) => await SyntheticCache.WriteAsync(
        _program.At("cache"), SyntheticCache.Contract(Layer), SyntheticCache.Rows(40, ["cats", "dogs"]),
        (r, l) => SyntheticCache.Features(r, l.Shape.Length, 0.1, seed));

    private DateTime LastCheckpoint() => File.GetLastWriteTimeUtc(_program.At("killed/checkpoint.safetensors"));

    // All but the times.
    private IEnumerable<string> Metrics(string run) => File.ReadLines(_program.At($"{run}/metrics.jsonl")).Select(line =>
    {
        var epoch = JsonNode.Parse(line)!.AsObject();
        epoch.Remove("seconds");
        return epoch.ToJsonString();
    });
}
