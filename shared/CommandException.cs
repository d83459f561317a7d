namespace Headstart;

/// <summary>An error that the user can mend. Its message is the one line that the user reads: what, where, and how to mend it.</summary>
public sealed class CommandException : Exception
{
    public CommandException(string message, int exitCode = Headstart.ExitCode.Failed, Exception? cause = null)
        : base(message, cause) => ExitCode = exitCode;

    /// <summary>What the program returns to its caller; see <see cref="ExitCode"/>.</summary>
    public int ExitCode { get; }

    /// <summary>An option or argument that makes no sense, as opposed to a job that failed.</summary>
    public static CommandException Usage(string message) => new(message, Headstart.ExitCode.Usage);
}
