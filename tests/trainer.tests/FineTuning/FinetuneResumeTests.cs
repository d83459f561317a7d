using System.Text.Json.Nodes;
using Headstart.Tests.Commands;
using Headstart.Trainer.Runs;

namespace Headstart.Tests.FineTuning;

/// <summary>Starts, kills and resumes the real program.</summary>
public sealed class FinetuneResumeTests : IAsyncLifetime
{
    private static readonly string[] Options =
    [
        "run", "--model", "vgg.onnx", "--epochs", "12", "--batch", "8", "--lr", "1e-4", "--gradual", "2", "--schedule", "cosine",
        "--early-stop", "10", "--seed", "3",
    ];

    private readonly TemporaryFolder _folder = new();
    private TuningSample _sample = null!;

    public async ValueTask InitializeAsync() => _sample = await TuningSample.CreateAsync(_folder);

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    [Theory]
    [InlineData("--cache", "cache")]
    [InlineData("--images", "pictures")]
    public async Task Run_killed_and_resumed_ends_with_the_same_numbers(string source, string folder)
    {
        string[] options = [.. Options, source, folder];
        Assert.Equal(ExitCode.Done, (await _sample.Program.FinetuneAsync(["--out", "whole", .. options])).Code);
        var random = new SeededRandom(Environment.ProcessId, "moments to kill");
        var kills = 0;
        while (true)
        {
            var checkpoint = LastCheckpoint();
            using var process =
                _sample.Program.StartCommand("finetune", ["--out", "killed", .. options, "--checkpoint-every", "0", "--resume"]);
            var ended = TrainerProgram.EndAsync(process);
            if (kills < 4)
            {
                while (!process.HasExited && LastCheckpoint() == checkpoint)
                    await Task.Delay(5, TestContext.Current.CancellationToken);
                await Task.WhenAny(ended, Task.Delay(random.NextBelow(60), TestContext.Current.CancellationToken));
                process.Kill();
            }

            var (code, _, error) = await ended;
            if (code == ExitCode.Done)
                break;
            Assert.True(error.Length == 0, error);
            kills++;
        }

        Assert.True(kills > 0, "the training was too fast to be killed");
        foreach (var name in new[] { "base.safetensors", "head.safetensors" })
            Assert.Equal(File.ReadAllBytes(_sample.Program.At($"whole/{name}")), File.ReadAllBytes(_sample.Program.At($"killed/{name}")));
        Assert.Equal(Metrics("whole"), Metrics("killed"));
        var (whole, killed) = (RunFolder.Read(_sample.Program.At("whole")), RunFolder.Read(_sample.Program.At("killed")));
        Assert.Equal(
            (whole.Result.Train, whole.Result.Val, whole.Result.Before), (killed.Result.Train, killed.Result.Val, killed.Result.Before));
        Assert.True(killed.Result.ResumedAfter > 0);

        var (again, output, _) = await _sample.Program.FinetuneAsync(["--out", "killed", .. options, "--resume"]);
        Assert.Equal(ExitCode.Done, again);
        Assert.Contains("There is nothing to resume", output, StringComparison.Ordinal);
        var (refused, _, words) = await _sample.Program.FinetuneAsync(["--out", "killed", .. options, "--resume", "--lr-decay", "0.1"]);
        Assert.Equal(ExitCode.Usage, refused);
        Assert.Contains("--lr-decay 0.1: killed was begun with 1.", words, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_two_trainings_do_not_resume_each_other()
    {
        using (var process = _sample.Program.StartCommand(
            "finetune", [.. Options, "--out", "tuned", "--cache", "cache", "--checkpoint-every", "0"]))
        {
            await _sample.Program.WaitForEpochAsync(process, "tuned");
            process.Kill();
            await TrainerProgram.EndAsync(process);
        }

        Assert.Contains("holds a run that 'trainer finetune' began",
            (await _sample.Program.TrainAsync("cache", "--out", "tuned", "--resume")).Error, StringComparison.Ordinal);
        using (var process = _sample.Program.Start("cache", "--out", "trained", "--epochs", "100000000", "--checkpoint-every", "0"))
        {
            await _sample.Program.WaitForEpochAsync(process, "trained");
            process.Kill();
            await TrainerProgram.EndAsync(process);
        }

        Assert.Contains("holds a run that 'trainer train' began",
            (await _sample.Program.FinetuneAsync([.. Options, "--out", "trained", "--cache", "cache", "--resume"])).Error,
            StringComparison.Ordinal);
    }

    private DateTime LastCheckpoint() => File.GetLastWriteTimeUtc(_sample.Program.At("killed/checkpoint.safetensors"));

    // All but the times.
    private IEnumerable<string> Metrics(string run) => File.ReadLines(_sample.Program.At($"{run}/metrics.jsonl")).Select(line =>
    {
        var epoch = JsonNode.Parse(line)!.AsObject();
        epoch.Remove("seconds");
        return epoch.ToJsonString();
    });
}
