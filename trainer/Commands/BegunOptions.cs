using Headstart.CommandLine;

namespace Headstart.Training.Commands;

/// <summary>The options that a run was begun with, beside those of the command line that takes it up again.</summary>
internal static class BegunOptions
{
    /// <summary>Options that decide about the numbers must be as they were.</summary>
    /// <param name="run">The run's folder, for messages.</param>
    /// <param name="given">The options that were typed now; the others don't matter.</param>
    /// <exception cref="CommandException">One is not; the message names it.</exception>
    public static void RequireSame(string run, IReadOnlySet<string> given, IEnumerable<(string Option, object? Value)> now, IEnumerable<(string Option, object? Value)> begun)
    {
        foreach (var ((option, value), (_, then)) in now.Zip(begun))
        {
            if (given.Contains(option) && !Equals(value, then))
                throw CommandException.Usage($"--{option} {CommandText.Value(value)}: {run} was begun with {CommandText.Value(then)}. Leave --{option} out to go on with that, or give another --out.");
        }
    }
}
