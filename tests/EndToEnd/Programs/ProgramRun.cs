namespace Headstart.Tests.Programs;

/// <summary>How a program ended and what it wrote.</summary>
/// <param name="ExitCode">As the system gives it: 128 + the signal's number after a deadly signal.</param>
/// <param name="Output">All of standard output.</param>
/// <param name="Error">All of standard error.</param>
public sealed record ProgramRun(int ExitCode, string Output, string Error)
{
    /// <summary>Runs the extractor, as it was built with these tests, to its end.</summary>
    public static Task<ProgramRun> Extractor(params string[] args) => ToItsEnd(RunningProgram.Extractor(args));

    /// <summary>Runs the trainer, as it was built with these tests, to its end.</summary>
    /// <remarks>With one thread: see <see cref="RunningProgram.OneThread"/>.</remarks>
    public static Task<ProgramRun> Trainer(params string[] args) =>
        ToItsEnd(RunningProgram.Start(RunningProgram.Executable("trainer"), args, environment: RunningProgram.OneThread));

    /// <summary>Runs the trainer with as many threads as it takes by itself.</summary>
    public static Task<ProgramRun> TrainerOnAllCores(params string[] args) => ToItsEnd(RunningProgram.Trainer(args));

    /// <summary>Runs any program, such as <c>dotnet</c>, to its end.</summary>
    public static Task<ProgramRun> Of(string program, params string[] args) => ToItsEnd(RunningProgram.Start(program, args));

    /// <summary>Fails the test unless the program ended with this exit code; the failure shows what it wrote.</summary>
    public ProgramRun EndedWith(int exitCode)
    {
        Assert.True(ExitCode == exitCode, $"Exit code {ExitCode} instead of {exitCode}.{Environment.NewLine}{Everything}");
        return this;
    }

    /// <summary>What a test shows when it fails.</summary>
    public string Everything =>
        $"--- standard output{Environment.NewLine}{Output}{Environment.NewLine}--- standard error{Environment.NewLine}{Error}";

    private static async Task<ProgramRun> ToItsEnd(RunningProgram program)
    {
        await using (program)
            return await program.Ended();
    }
}
