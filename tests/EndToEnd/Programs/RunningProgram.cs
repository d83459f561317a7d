using System.Diagnostics;
using System.Text;

namespace Headstart.Tests.Programs;

/// <summary>A program that is running. Disposing of it kills it, and what it started.</summary>
public sealed class RunningProgram : IAsyncDisposable
{
    private const string Env = "/usr/bin/env";

    /// <summary>
    /// For libtorch: heads this small gain nothing from a second thread, whose busy waiting is a quarter of a run's time.
    /// </summary>
    public static readonly IReadOnlyDictionary<string, string?> OneThread = new Dictionary<string, string?> { ["OMP_NUM_THREADS"] = "1" };

    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _error = new();
    private readonly Task _outputRead;
    private readonly Task _errorRead;

    private RunningProgram(ProcessStartInfo start)
    {
        _process = Process.Start(start)!;
        _process.StandardInput.Close();
        _outputRead = Read(_process.StandardOutput, _output);
        _errorRead = Read(_process.StandardError, _error);
    }

    public static RunningProgram Extractor(params string[] args) => Start(Executable("extractor"), args);

    public static RunningProgram Trainer(params string[] args) => Start(Executable("trainer"), args);

    /// <param name="program">A path, or a name to be found in PATH.</param>
    /// <param name="args">Its arguments; nothing is quoted or expanded.</param>
    /// <param name="folder">The current folder of the program; by default that of the tests.</param>
    /// <param name="environment">Set for the program on top of the tests' own; null removes a variable.</param>
    public static RunningProgram Start(
        string program, string[] args, string? folder = null, IReadOnlyDictionary<string, string?>? environment = null)
    {
        // A shell that puts a job into the background lets it ignore Ctrl-C, and what it starts inherits that.
        var signals = OperatingSystem.IsLinux() && File.Exists(Env);
        var start = new ProcessStartInfo(signals ? Env : program, signals ? ["--default-signal=INT", program, .. args] : args)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
            WorkingDirectory = folder ?? "",
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string?>())
            start.Environment[name] = value;
        return new RunningProgram(start);
    }

    /// <summary>The built program, for a test that starts it in a way of its own.</summary>
    public static string Executable(string project) =>
        Path.Combine(OutputOf(project), OperatingSystem.IsWindows() ? $"{project}.exe" : project);

    /// <summary>
    /// The output folder of a project, built in the configuration of these tests: <c>bin/Debug/net10.0/linux-x64</c>, say.
    /// </summary>
    public static string OutputOf(string project)
    {
        var ownOutput = Path.GetRelativePath(Path.Combine(Repository.Root, "tests", "EndToEnd"), AppContext.BaseDirectory);
        return Path.Combine(Repository.Root, project, ownOutput);
    }

    /// <summary>Waits until the program has written <paramref name="text"/> to standard output or standard error.</summary>
    public async Task UntilItWrites(string text)
    {
        while (!Written(_output).Contains(text, StringComparison.Ordinal) && !Written(_error).Contains(text, StringComparison.Ordinal))
        {
            if (_process.HasExited)
                Assert.Fail($"The program ended before it wrote '{text}'.{Environment.NewLine}{(await Ended()).Everything}");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Sends a signal by its shell name: INT, TERM, KILL, STOP.</summary>
    public async Task Signal(string name)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no signals.");
        using var kill = Process.Start("/bin/sh", ["-c", $"kill -{name} {_process.Id}"]);
        await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Ends the program with SIGKILL, at once; nothing happens where it has ended.</summary>
    public void Kill() => _process.Kill();

    /// <summary>Waits for the end, and fails the test when it does not come within <paramref name="limit"/> (5 minutes).</summary>
    public async Task<ProgramRun> Ended(TimeSpan? limit = null)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        stop.CancelAfter(limit ?? TimeSpan.FromMinutes(5));
        try
        {
            await _process.WaitForExitAsync(stop.Token);
            await Task.WhenAll(_outputRead, _errorRead).WaitAsync(stop.Token);
            return new ProgramRun(_process.ExitCode, Written(_output), Written(_error));
        }
        catch (OperationCanceledException) when (!TestContext.Current.CancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"{_process.StartInfo.FileName} did not end in time. It wrote:{Environment.NewLine}"
                + new ProgramRun(-1, Written(_output), Written(_error)).Everything);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync(CancellationToken.None);
        }
        _process.Dispose();
    }

    private static string Written(StringBuilder text)
    {
        lock (text)
            return text.ToString();
    }

    private static async Task Read(StreamReader from, StringBuilder to)
    {
        var buffer = new char[4096];
        int read;
        while ((read = await from.ReadAsync(buffer)) > 0)
        {
            lock (to)
                to.Append(buffer, 0, read);
        }
    }
}
