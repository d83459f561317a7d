using System.ComponentModel;
using System.Text;
using System.Text.Json;
using Headstart.Tests.Programs;

namespace Headstart.Tests.Cluster;

/// <summary>The schema of the Kubernetes API, by way of npm: fetched once into a temporary folder, at the versions of a lock file and
/// without running install scripts.</summary>
public sealed class ApiChecker : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private string? _missing;

    public async ValueTask InitializeAsync()
    {
        foreach (var file in Directory.GetFiles(Path.Combine(Repository.Root, "tests/EndToEnd/Cluster/kubernetes")))
            File.Copy(file, _folder.File(Path.GetFileName(file)));
        try
        {
            await using var npm = RunningProgram.Start("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline",
                "--fetch-retry-mintimeout", "1000", "--loglevel", "error"], _folder.Path);
            var run = await npm.Ended();
            // The lock file's own faults must not pass for a network that isn't there.
            if (run.Error.Contains("EINTEGRITY", StringComparison.Ordinal) || run.Error.Contains("EUSAGE", StringComparison.Ordinal))
                run.EndedWith(0);
            _missing = run.ExitCode == 0 ? null : $"npm could not fetch the schema of the Kubernetes API: {run.Error.Trim()}";
        }
        catch (Win32Exception e)
        {
            _missing = $"Checking against the Kubernetes API needs node and npm: {e.Message}";
        }
    }

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>Checks Jobs in YAML, all in one start of Node, and gives the faults of each; skips the test where the schema can't be
    /// had.</summary>
    public async Task<IReadOnlyList<string[]>> Check(IReadOnlyList<string> jobs)
    {
        Assert.SkipWhen(_missing is not null, _missing ?? "");
        var files = jobs.Select((job, i) => _folder.Write($"job-{i}.yaml", Encoding.UTF8.GetBytes(job)));
        var run = (await ProgramRun.Of("node", [_folder.File("check-job.mjs"), .. files])).EndedWith(0);
        return JsonSerializer.Deserialize<string[][]>(run.Output)!;
    }
}
