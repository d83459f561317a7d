using System.Globalization;

namespace Headstart.Training.Commands;

/// <summary>Command lines as a user would type them.</summary>
internal static class CommandText
{
    /// <summary>The command with every option that is not its default.</summary>
    public static string Of(TrainArguments arguments)
    {
        var defaults = new TrainArguments(arguments.Cache, arguments.Out);
        var parts = new List<string> { "trainer", "train", Quote(arguments.Cache), "--out", Quote(arguments.Out) };
        Add("--val", arguments.Val, defaults.Val);
        Add("--val-split", arguments.ValSplit, defaults.ValSplit);
        Add("--layer", arguments.Layer, defaults.Layer);
        Add("--head", arguments.Head, defaults.Head);
        Add("--epochs", arguments.Epochs, defaults.Epochs);
        Add("--batch", arguments.Batch, defaults.Batch);
        Add("--lr", arguments.LearningRate, defaults.LearningRate);
        Add("--seed", arguments.Seed, defaults.Seed);
        Add("--class-weights", arguments.ClassWeights, defaults.ClassWeights);
        Add("--early-stop", arguments.EarlyStop, defaults.EarlyStop);
        Add("--device", arguments.Device, defaults.Device);
        return string.Join(' ', parts);

        void Add<T>(string option, T value, T unless)
        {
            if (value is null || value.Equals(unless))
                return;
            var text = Convert.ToString(value, CultureInfo.InvariantCulture)!;
            parts.AddRange([option, Quote(value is Enum ? text.ToLowerInvariant() : text)]);
        }
    }

    /// <summary>As a POSIX shell takes it: bare where that is safe, otherwise in quotes.</summary>
    public static string Quote(string text) => text.Length > 0 && text.All(c => char.IsAsciiLetterOrDigit(c) || "/._-+=:,".Contains(c, StringComparison.Ordinal))
        ? text
        : text.Contains('\'', StringComparison.Ordinal) || text.Length == 0 ? $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'" : $"'{text}'";
}
