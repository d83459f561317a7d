using System.Globalization;

namespace Headstart.Training.Commands;

/// <summary>Command lines as a user would type them.</summary>
internal static class CommandText
{
    /// <summary>The command with every option that is not its default.</summary>
    public static string Of(TrainArguments arguments)
    {
        var parts = new List<string> { "trainer", "train", Quote(arguments.Cache), "--out", Quote(arguments.Out) };
        var defaults = new TrainArguments(arguments.Cache, arguments.Out);
        foreach (var ((option, value), (_, unless)) in arguments.Choices.Zip(defaults.Choices))
        {
            if (value is not null && !value.Equals(unless))
                parts.AddRange([$"--{option}", Quote(Value(value))]);
        }

        return string.Join(' ', parts);
    }

    /// <summary>An option's value as it is typed; <c>none</c> where it was left out.</summary>
    public static string Value(object? value) => value switch
    {
        null => "none",
        Enum => value.ToString()!.ToLowerInvariant(),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    /// <summary>As a POSIX shell takes it: bare where that is safe, otherwise in quotes.</summary>
    public static string Quote(string text) => text.Length > 0 && text.All(c => char.IsAsciiLetterOrDigit(c) || "/._-+=:,".Contains(c, StringComparison.Ordinal))
        ? text
        : text.Contains('\'', StringComparison.Ordinal) || text.Length == 0 ? $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'" : $"'{text}'";
}
