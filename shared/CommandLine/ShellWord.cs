namespace Headstart.CommandLine;

/// <summary>Words of a command line that a program suggests: they can be copied as they stand.</summary>
public static class ShellWord
{
    /// <summary>As a POSIX shell takes it: bare where that is safe, otherwise in quotes.</summary>
    public static string Quote(string text) => text.Length > 0
        && text.All(c => char.IsAsciiLetterOrDigit(c) || "/._-+=:,".Contains(c, StringComparison.Ordinal))
        ? text
        : $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
