using System.Globalization;
using Headstart.CommandLine;

namespace Headstart.Training.Commands;

/// <summary>Command lines as a user would type them.</summary>
internal static class CommandText
{
    /// <summary>The command with every option that is not its default.</summary>
    public static string Of(TrainArguments arguments) =>
        Of(["trainer", "train", .. arguments.Caches.Select(Quote), "--out", Quote(arguments.Out)], arguments.Choices, new TrainArguments(arguments.Cache, arguments.Out).Choices);

    /// <summary>A command with every option that is not its default.</summary>
    /// <param name="start">The command and what every use of it has, quoted.</param>
    /// <param name="choices">Its options.</param>
    /// <param name="defaults">The same ones with their defaults.</param>
    public static string Of(IEnumerable<string> start, IReadOnlyList<(string Option, object? Value)> choices, IReadOnlyList<(string Option, object? Value)> defaults)
    {
        var parts = start.ToList();
        foreach (var ((option, value), (_, unless)) in choices.Zip(defaults))
        {
            if (value is true && unless is false)
                parts.Add($"--{option}");
            else if (value is not null && !value.Equals(unless))
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

    /// <inheritdoc cref="ShellWord.Quote"/>
    public static string Quote(string text) => ShellWord.Quote(text);
}
