using Headstart.Tests.Programs;

namespace Headstart.Tests.Interruption;

/// <summary>Ends the extractor with SIGKILL at the moment when it gives a file a name, so that a kill hits work on a fast machine and on
/// a busy one.</summary>
internal static class KillAtFile
{
    /// <summary>What the system says of a program that was killed; one that was done before ends with 0.</summary>
    public const int Killed = 128 + 9;

    /// <summary>Runs the extractor until <paramref name="isMoment"/> says so of a path below <paramref name="cache"/>, then kills
    /// it.</summary>
    /// <param name="isMoment">Asked for each file and folder that appears or is renamed, in their order, with its path relative to the
    /// cache.</param>
    /// <param name="delay">How long after that moment.</param>
    public static async Task<ProgramRun> Run(string cache, string[] arguments, Func<string, bool> isMoment, TimeSpan delay = default)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no signals.");
        Directory.CreateDirectory(cache);
        var started = new TaskCompletionSource<RunningProgram>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var events = new FileSystemWatcher(cache)
        {
            IncludeSubdirectories = true,
            NotifyFilter = NotifyFilters.FileName | NotifyFilters.DirectoryName,
        };
        events.Created += (_, e) => Kill(e.Name);
        events.Renamed += (_, e) => Kill(e.Name);
        events.EnableRaisingEvents = true;

        await using var program = RunningProgram.Extractor(arguments);
        started.SetResult(program);
        return await program.Ended();

        // On the watcher's own thread: nothing is quicker.
        void Kill(string? path)
        {
            if (!isMoment(path ?? ""))
                return;
            if (delay > TimeSpan.Zero)
                Thread.Sleep(delay);
            started.Task.Result.Kill();
        }
    }
}
