namespace Headstart.Models;

/// <summary>Finds what the user may have meant.</summary>
public static class NearestNames
{
    /// <summary>The closest of <paramref name="names"/>, best first: those that contain what was asked for, then by edit distance.</summary>
    public static IReadOnlyList<string> To(string asked, IEnumerable<string> names, int count = 5) =>
    [
        .. names.Distinct()
            .OrderByDescending(n => n.Contains(asked, StringComparison.OrdinalIgnoreCase))
            .ThenBy(n => EditDistance(asked, n))
            .ThenBy(n => n, StringComparer.Ordinal)
            .Take(count),
    ];

    /// <summary>Levenshtein's distance, blind to case: the fewest insertions, deletions and replacements of one character.</summary>
    internal static int EditDistance(string a, string b)
    {
        var previous = Enumerable.Range(0, b.Length + 1).ToArray();
        var current = new int[b.Length + 1];
        for (var i = 1; i <= a.Length; i++)
        {
            current[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var replace = previous[j - 1] + (char.ToLowerInvariant(a[i - 1]) == char.ToLowerInvariant(b[j - 1]) ? 0 : 1);
                current[j] = Math.Min(replace, Math.Min(previous[j], current[j - 1]) + 1);
            }

            (previous, current) = (current, previous);
        }

        return previous[b.Length];
    }
}
