using Headstart.Cache;

namespace Headstart.Trainer.Features;

/// <summary>Class names to numbers.</summary>
internal static class ClassIndex
{
    /// <summary>The place of each chosen row's label among the classes.</summary>
    public static int[] Of(IReadOnlyList<CacheRow> rows, IReadOnlyList<int> chosen, IReadOnlyList<string> classes)
    {
        var index = classes.Select((name, i) => (name, i)).ToDictionary(c => c.name, c => c.i, StringComparer.Ordinal);
        return [.. chosen.Select(r => index[rows[r].Label!])];
    }
}
