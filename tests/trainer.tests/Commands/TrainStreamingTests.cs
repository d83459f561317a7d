using System.Text.Json;
using System.Text.Json.Nodes;
using Headstart.Models;
using Headstart.Trainer.Runs;

namespace Headstart.Tests.Commands;

/// <summary>The real program on features that it reads again in every epoch, and on several caches.</summary>
public sealed class TrainStreamingTests : IAsyncLifetime
{
    private static readonly ModelLayer Layer = new("block5_pool", new LayerShape(16, 3, 3));
    private static readonly string[] Streamed =
        ["--head", "flatten, dense(16, relu), dropout(0.3)", "--batch", "8", "--block-rows", "32", "--seed", "7"];

    private readonly TemporaryFolder _folder = new();
    private readonly TrainerProgram _program;

    public TrainStreamingTests() => _program = new TrainerProgram(_folder.Path);

    public async ValueTask InitializeAsync() => await WriteAsync("cache", ["cats", "dogs"]);

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Streamed_run_that_is_killed_and_resumed_ends_with_the_same_numbers()
    {
        string[] options = [.. Streamed, "--epochs", "60"];
        var (code, output, error) = await _program.TrainAsync(["cache", "--out", "whole", .. options]);
        Assert.Equal((ExitCode.Done, ""), (code, error));
        Assert.Contains("shuffled in blocks of 32 images", output, StringComparison.Ordinal);
        using (var process = _program.Start(["cache", "--out", "run", .. options, "--checkpoint-every", "0"]))
        {
            await _program.WaitForEpochAsync(process, "run");
            process.Kill();
            await TrainerProgram.EndAsync(process);
        }

        var (other, _, reason) = await _program.TrainAsync("cache", "--out", "run", "--resume", "--block-rows", "64");
        Assert.Equal(ExitCode.Usage, other);
        Assert.Contains("--block-rows 64: run was begun with 32.", reason, StringComparison.Ordinal);

        Assert.Equal(ExitCode.Done, (await _program.TrainAsync("cache", "--out", "run", "--resume")).Code);

        Assert.Equal(File.ReadAllBytes(_program.At("whole/head.safetensors")), File.ReadAllBytes(_program.At("run/head.safetensors")));
        Assert.Contains("--block-rows 32", RunFolder.Read(_program.At("run")).Command, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Cache_that_changes_during_a_streamed_run_ends_it_and_the_run_goes_on_when_it_is_as_it_was(bool goes)
    {
        var part = Directory.EnumerateFiles(_program.At("cache"), "*.parquet").Order(StringComparer.Ordinal).ElementAt(1);
        using (var process = _program.Start(["cache", "--out", "run", .. Streamed, "--epochs", "100000", "--checkpoint-every", "0"]))
        {
            await _program.WaitForEpochAsync(process, "run");
            if (goes)
                File.Move(part, part + ".away");
            else
                await WriteAsync("cache", ["cows"]); // whole and new, beside what was there
            var (code, _, error) = await TrainerProgram.EndAsync(process);

            Assert.Equal(ExitCode.Failed, code);
            Assert.Contains("error: cache is not what it was when the run in run began: ", error, StringComparison.Ordinal);
            Assert.Contains(goes ? $"{Path.GetFileName(part)} is gone" : ".parquet is new", error, StringComparison.Ordinal);
            Assert.Single(error.Trim().Split('\n'));
        }

        Assert.True(File.Exists(_program.At("run/checkpoint.safetensors")));
        if (!goes)
            return;
        File.Move(part + ".away", part);
        using var again = _program.Start("cache", "--out", "run", "--resume");
        var before = File.ReadLines(_program.At("run/metrics.jsonl")).Count();
        while (!again.HasExited && File.ReadLines(_program.At("run/metrics.jsonl")).Count() <= before)
            await Task.Delay(20, TestContext.Current.CancellationToken);
        Assert.False(again.HasExited);
        again.Kill();
        await TrainerProgram.EndAsync(again);
    }

    [Fact]
    public async Task Memory_that_is_too_small_is_refused_with_the_least_that_works()
    {
        var (code, _, error) = await _program.TrainAsync("cache", "--out", "run", "--memory", "100M", "--block-rows", "32");
        Assert.Equal(ExitCode.Usage, code);
        Assert.Contains("--memory 100M: ", error, StringComparison.Ordinal);
        var least = error.Split(' ').First(w => w.EndsWith('M') && w != "100M");

        var (enough, output, again) =
            await _program.TrainAsync("cache", "--out", "run", "--memory", least, "--block-rows", "32", "--epochs", "2", "--json");

        Assert.Equal((ExitCode.Done, true), (enough, again.Contains($"within {least}", StringComparison.Ordinal)));
        var peak = JsonDocument.Parse(output).RootElement.GetProperty("peakMemoryBytes").GetInt64() >> 20;
        Assert.InRange(peak, 100, int.Parse(least[..^1], System.Globalization.CultureInfo.InvariantCulture));
        var (fits, words, _) = await _program.TrainAsync("cache", "--out", "all", "--memory", "2G", "--epochs", "1");
        Assert.Equal((ExitCode.Done, false), (fits, words.Contains("stay on disk", StringComparison.Ordinal)));
        var (unread, _, how) = await _program.TrainAsync("cache", "--out", "other", "--memory", "much");
        Assert.Equal(ExitCode.Usage, unread);
        Assert.Contains("such as 512M or 2G", how, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Several_caches_train_together_and_what_one_lacks_is_said()
    {
        await WriteAsync("more", ["dogs", "cows"]); // dogs are the same pictures
        await WriteAsync("val", ["cats", "dogs"], 1);
        string[] options = ["--head", "gap", "--epochs", "3", "--lr", "0.01"];

        var (code, output, error) = await _program.TrainAsync(["cache", "more", "--out", "run", .. options]);

        Assert.Equal((ExitCode.Done, ""), (code, error));
        Assert.Contains("cache, more: 128 to train, 32 to validate", output, StringComparison.Ordinal);
        var words = string.Join(' ', output.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains("cache has no images of cows to train on.", words, StringComparison.Ordinal);
        Assert.Contains("more has no images of cats to train on.", words, StringComparison.Ordinal);
        Assert.Contains("40 images are in more than one cache, byte for byte", words, StringComparison.Ordinal);
        var run = RunFolder.Read(_program.At("run"));
        Assert.Equal(["cats", "cows", "dogs"], run.Classes);
        Assert.Equal([_program.At("more")], run.MoreCaches!.Select(c => c.Folder));
        Assert.StartsWith("trainer train cache more --out run", run.Command, StringComparison.Ordinal);

        // An older run names one cache, and is still read.
        var old = JsonNode.Parse(File.ReadAllText(_program.At("run/run.json")))!.AsObject();
        old.Remove("moreCaches");
        foreach (var option in (string[])["more", "memory", "blockRows"])
            old["arguments"]!.AsObject().Remove(option);
        File.WriteAllText(_program.At("run/run.json"), old.ToJsonString());
        Assert.Null(RunFolder.Read(_program.At("run")).Arguments!.More);

        var (judged, apart, _) = await _program.TrainAsync(["cache", "more", "--val", "val", "--out", "judged", .. options]);
        Assert.Equal(ExitCode.Done, judged);
        Assert.Contains("160 to train, 80 to validate, from val", apart, StringComparison.Ordinal);
        Assert.Contains("val has no images of cows.", apart, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Done,
            (await _program.TrainAsync(["cache", "more", "--val", "val", "--out", "streamed", "--block-rows", "32", .. options])).Code);
    }

    [Fact]
    public async Task Caches_of_different_networks_and_the_same_cache_twice_are_refused_by_name()
    {
        await SyntheticCache.WriteAsync(
            _program.At("other"), SyntheticCache.Contract(Layer) with { ModelSha256 = new string('b', 64) },
            SyntheticCache.Rows(5, ["cats", "dogs"]),
            (r, l) => SyntheticCache.Features(r, l.Shape.Length, 0.5));

        var (code, _, error) = await _program.TrainAsync("cache", "other", "--out", "run");
        Assert.Equal(ExitCode.Failed, code);
        Assert.Contains("other was made with modelSha256 'bbb", error, StringComparison.Ordinal);
        var (twice, _, reason) = await _program.TrainAsync("cache", "cache/", "--out", "run");
        Assert.Equal(ExitCode.Usage, twice);
        Assert.Contains("is given twice", reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Second_cache_that_is_another_one_at_the_resume_is_refused_by_name()
    {
        await WriteAsync("more", ["dogs", "cows"]);
        using (var process = _program.Start("cache", "more", "--out", "run", "--epochs", "100000000", "--checkpoint-every", "0"))
        {
            await _program.WaitForEpochAsync(process, "run");
            process.Kill();
            await TrainerProgram.EndAsync(process);
        }

        var (fewer, _, words) = await _program.TrainAsync("cache", "--out", "run", "--resume");
        Assert.Equal(ExitCode.Usage, fewer);
        Assert.Contains("run was begun with 2 caches (cache, more)", words, StringComparison.Ordinal);
        await WriteAsync("more", ["hens"]);
        var (code, _, error) = await _program.TrainAsync("cache", "more", "--out", "run", "--resume");
        Assert.Equal(ExitCode.Failed, code);
        Assert.Contains("more is not what it was when the run in run began: ", error, StringComparison.Ordinal);
    }

    private Task WriteAsync(string cache, string[] classes, int seed = 0)
    {
        var rows = SyntheticCache.Rows(40, classes);
        if (seed > 0)
            rows = [.. rows.Select(r => r with { Sha256 = $"{r.Sha256} {seed}" })];
        return SyntheticCache.WriteAsync(
            _program.At(cache), SyntheticCache.Contract(Layer), rows, (r, l) => SyntheticCache.Features(r, l.Shape.Length, 0.5, seed));
    }
}
