using System.Globalization;

namespace Headstart.Trainer.Training;

/// <summary>How much each class counts in the loss, as <c>--class-weights</c> says it.</summary>
/// <remarks>
/// <c>none</c>: every image counts the same. <c>balanced</c>: every class does; an image weighs n / (k · images of its class), as in
/// scikit-learn.
/// <c>cats=1,dogs=2.5</c>: as given; a class that is not named weighs 1, as in Keras.
/// </remarks>
internal static class ClassWeights
{
    public const string None = "none";
    private const string Balanced = "balanced";

    /// <summary>Looks at the form alone: which classes there are is known later.</summary>
    /// <exception cref="CommandException">Neither a word nor a list of weights above 0.</exception>
    public static void Validate(string text)
    {
        if (text is not (None or Balanced))
            Given(text);
    }

    /// <exception cref="CommandException">A weight for a class that isn't there.</exception>
    public static void RequireKnown(string text, IReadOnlyList<string> classes)
    {
        if (text is not (None or Balanced) && Given(text).Keys.Except(classes).FirstOrDefault() is { } unknown)
        {
            throw CommandException.Usage(
                $"--class-weights {text}: there is no class '{unknown}'.{NearestNames.DidYouMean(unknown, classes)} " +
                $"The classes are {string.Join(", ", classes)}.");
        }
    }

    /// <param name="labels">One class index an image that trains.</param>
    /// <returns>One weight a class; empty where every image counts the same.</returns>
    /// <exception cref="CommandException">A weight for a class that isn't there.</exception>
    public static double[] Of(string text, IReadOnlyList<int> labels, IReadOnlyList<string> classes)
    {
        if (text == None)
            return [];
        if (text == Balanced)
        {
            var counts = new int[classes.Count];
            foreach (var label in labels)
                counts[label]++;
            return Array.ConvertAll(counts, count => labels.Count / ((double)classes.Count * count));
        }

        RequireKnown(text, classes);
        var given = Given(text);
        return [.. classes.Select(c => given.GetValueOrDefault(c, 1))];
    }

    private static Dictionary<string, double> Given(string text)
    {
        var weights = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (var pair in text.Split(','))
        {
            var equals = pair.LastIndexOf('=');
            if (equals < 1)
                throw CommandException.Usage($"--class-weights {text}: give none, balanced, or weights such as cats=1,dogs=2.5.");
            if (!double.TryParse(pair[(equals + 1)..], NumberStyles.Float, CultureInfo.InvariantCulture, out var weight) || !(weight > 0)
                || !double.IsFinite(weight))
                throw CommandException.Usage(
                    $"--class-weights {text}: '{pair[(equals + 1)..]}' is no weight; it must be a number above 0.");
            if (!weights.TryAdd(pair[..equals].Trim(), weight))
                throw CommandException.Usage($"--class-weights {text}: '{pair[..equals].Trim()}' is there twice.");
        }

        return weights;
    }
}
