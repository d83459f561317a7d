using System.Globalization;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Headstart.Tests.Programs;

namespace Headstart.Tests.Cluster;

/// <summary>scripts/slurm-extract.sbatch on a Slurm of one node, which scripts/slurm-try.sh starts and stops.</summary>
[Trait("Category", "Slow")]
public sealed partial class SlurmTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Work => _folder.File("work");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Four_array_tasks_of_which_one_is_requeued_and_one_killed_make_the_rows_of_one_run()
    {
        var run = await TryWith(RunningProgram.Executable("extractor"));

        run.EndedWith(0);
        // The script's own summary says what happened to the two tasks; 160 pictures, as it draws them.
        Assert.Contains("Task 1 requeued in its middle", run.Output, StringComparison.Ordinal);
        Assert.Contains("Task 2 killed in its middle; Slurm: FAILED, exit code and signal 0:9", run.Output, StringComparison.Ordinal);
        await CacheRows.AssertEqual(Path.Combine(Work, "one"), Path.Combine(Work, "cache"), rows: 160);
        Assert.All(
            Directory.GetFiles(Path.Combine(Work, "cache"), "*.parquet"), part => Assert.Matches(@"part-[0-3]-of-4-\d{5}\.parquet$", part));
        await AssertNothingIsLeftRunning();
    }

    [Fact]
    public async Task A_trial_that_fails_stops_what_it_started()
    {
        var run = await TryWith("/bin/false");

        Assert.Contains("Starting Slurm", run.EndedWith(1).Output, StringComparison.Ordinal);
        await AssertNothingIsLeftRunning();
    }

    private async Task<ProgramRun> TryWith(string extractor)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Slurm runs on Linux.");
        await using var script = RunningProgram.Start(
            "bash", [Path.Combine(Repository.Root, "scripts/slurm-try.sh"), Work],
            environment: new Dictionary<string, string?> { ["EXTRACTOR"] = extractor });
        var run = await script.Ended(TimeSpan.FromMinutes(10));
        Assert.SkipWhen(run.ExitCode == 77, run.Error.Trim().Split('\n')[^1]);
        return run;
    }

    private async Task AssertNothingIsLeftRunning()
    {
        var ports =
            Port().Matches(await File.ReadAllTextAsync(Path.Combine(Work, "slurm", "slurm.conf"), TestContext.Current.CancellationToken));
        Assert.Equal(2, ports.Count);
        foreach (var port in ports.Select(m => int.Parse(m.Groups["port"].Value, CultureInfo.InvariantCulture)))
        {
            using var client = new TcpClient();
            await Assert.ThrowsAsync<SocketException>(
                () => client.ConnectAsync("127.0.0.1", port, TestContext.Current.CancellationToken).AsTask());
        }

        // Every daemon and every task has the folder in its command line.
        Assert.DoesNotContain(Directory.GetDirectories("/proc").Where(p => char.IsAsciiDigit(Path.GetFileName(p)[0])).Select(CommandLine),
            line => line.Contains(Work, StringComparison.Ordinal));
    }

    private static string CommandLine(string process)
    {
        try
        {
            return File.ReadAllText(Path.Combine(process, "cmdline")).Replace('\0', ' ');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Gone in the meantime, or somebody else's.
            return "";
        }
    }

    [GeneratedRegex(@"^Slurm(ctld|d)Port=(?<port>\d+)", RegexOptions.Multiline)]
    private static partial Regex Port();
}
