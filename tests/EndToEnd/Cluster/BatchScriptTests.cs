using System.Text.Json;
using Headstart.Tests.Programs;

namespace Headstart.Tests.Cluster;

/// <summary>scripts/slurm-extract.sbatch as Slurm runs it, with the variables that Slurm sets, but without Slurm.</summary>
public sealed class BatchScriptTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_task_extracts_its_shard_with_the_cores_that_it_was_given()
    {
        (await ProgramRun.Extractor("demo-data", _folder.File("pictures"), "--per-class", "8")).EndedWith(0);

        var run = (await Task("2", RunningProgram.Executable("extractor"), "3", _folder.File("pictures"), "--model", DemoBase, "--out",
            _folder.File("cache"), "--json")).EndedWith(0);

        Assert.Contains("shard 2 of 3", run.Output, StringComparison.Ordinal);
        var result = JsonDocument.Parse(run.Output.Trim().Split('\n')[^1]).RootElement;
        Assert.InRange(result.GetProperty("computed").GetInt32(), 1, 15);
        Assert.NotEmpty(Directory.GetFiles(_folder.File("cache"), "part-2-of-3-*.parquet"));
    }

    [Theory]
    [InlineData(null, "the first argument is 'PICTURES'; it must be the number of shards", "PICTURES")]
    [InlineData("0", "the first argument is '0'; it must be the number of shards", "0", "PICTURES")]
    [InlineData(null, "not a task of a job array", "4", "PICTURES")]
    [InlineData("0", "the shard follows from the array's task", "4", "PICTURES", "--shard", "1/4")]
    [InlineData("0", "EXTRACTOR is /nowhere/extractor", "4", "PICTURES")]
    public async Task What_is_not_set_is_named(string? task, string message, params string[] arguments)
    {
        var run = (await Task(task, "/nowhere/extractor", arguments)).EndedWith(2);

        var line = Assert.Single(run.Error.Trim().Split('\n'));
        Assert.StartsWith("error: ", line, StringComparison.Ordinal);
        Assert.Contains(message, line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_array_that_counts_from_one_is_refused_by_its_last_task() =>
        Assert.Contains(
            "SLURM_ARRAY_TASK_ID says shard '4' of 4; it must be from 0 to 3.",
            (await Task("4", RunningProgram.Executable("extractor"), "4", _folder.Path, "--model", DemoBase, "--out",
                _folder.File("cache"))).EndedWith(2).Error,
            StringComparison.Ordinal);

    private static string DemoBase => Path.Combine(Repository.Root, "onnx/demo-base.onnx");

    private static async Task<ProgramRun> Task(string? index, string extractor, params string[] arguments)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Slurm runs on Linux.");
        var environment =
            new Dictionary<string, string?> { ["SLURM_ARRAY_TASK_ID"] = index, ["SLURM_CPUS_PER_TASK"] = "1", ["EXTRACTOR"] = extractor };
        await using var script =
            RunningProgram.Start(
                "bash", [Path.Combine(Repository.Root, "scripts/slurm-extract.sbatch"), .. arguments], environment: environment);
        return await script.Ended();
    }
}
