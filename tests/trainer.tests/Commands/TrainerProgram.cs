using System.Diagnostics;

namespace Headstart.Tests.Commands;

/// <summary>Starts the real <c>trainer</c> in a folder, as a user does.</summary>
internal sealed class TrainerProgram(string folder)
{
    public string At(string path) => Path.Combine(folder, path);

    public async Task<(int Code, string Output, string Error)> TrainAsync(params string[] arguments)
    {
        using var process = Start(arguments);
        return await EndAsync(process);
    }

    public async Task<(int Code, string Output, string Error)> SweepAsync(params string[] arguments) =>
        await RunAsync(["sweep", .. arguments]);

    /// <summary>Runs another command, given as the first argument.</summary>
    public async Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments)
    {
        using var process = StartCommand(arguments[0], arguments[1..]);
        return await EndAsync(process);
    }

    public async Task<(int Code, string Output, string Error)> FinetuneAsync(params string[] arguments)
    {
        using var process = StartCommand("finetune", arguments);
        return await EndAsync(process);
    }

    /// <summary>Waits for a program that <see cref="Start"/> began.</summary>
    public static async Task<(int Code, string Output, string Error)> EndAsync(Process process)
    {
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output, await error);
    }

    public Process Start(params string[] arguments) => StartCommand("train", arguments);

    public Process StartSweep(params string[] arguments) => StartCommand("sweep", arguments);

    /// <summary>Waits until the run in <paramref name="run"/> has an epoch behind it.</summary>
    public async Task WaitForEpochAsync(Process process, string run)
    {
        var metrics = new FileInfo(At($"{run}/metrics.jsonl"));
        while (!process.HasExited && !(metrics.Exists && metrics.Length > 0))
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
            metrics.Refresh();
        }
    }

    public Process StartCommand(string command, params string[] arguments) =>
        Process.Start(new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "trainer"), [command, .. arguments])
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,

            // Heads this small gain nothing from a second thread, and lose a lot to it on a busy machine.
            Environment = { ["OMP_NUM_THREADS"] = "1" },
        })!;
}
