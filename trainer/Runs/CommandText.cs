using System.Globalization;

namespace Headstart.Trainer.Runs;

/// <summary>Values of options as a user would type them.</summary>
internal static class CommandText
{
    /// <summary>An option's value as it is typed; <c>none</c> where it was left out.</summary>
    public static string Value(object? value) => value switch
    {
        null => "none",
        Enum => value.ToString()!.ToLowerInvariant(),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };
}
