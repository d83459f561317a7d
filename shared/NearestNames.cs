namespace Headstart;

/// <summary>Finds what the user may have meant.</summary>
public static class NearestNames
{
    /// <summary>
    /// The closest of <paramref name="names"/>, best first: those that contain what was asked for, then by edit distance.
    /// </summary>
    public static IReadOnlyList<string> To(string asked, IEnumerable<string> names, int count = 5) =>
    [
        .. names.Distinct()
            .OrderByDescending(n => n.Contains(asked, StringComparison.OrdinalIgnoreCase))
            .ThenBy(n => EditDistance(asked, n))
            .ThenBy(n => n, StringComparer.Ordinal)
            .Take(count),
    ];

    /// <summary>" Did you mean relu?" with a space before it, or nothing when no name is near.</summary>
    public static string DidYouMean(string asked, IEnumerable<string> names) =>
        Nearest(asked, names) is { } nearest ? $" Did you mean {nearest}?" : "";

    /// <summary>The one that was most likely meant; null when no name is near.</summary>
    public static string? Nearest(string asked, IEnumerable<string> names)
    {
        var nearest = names.OrderBy(n => EditDistance(asked, n)).FirstOrDefault();
        return nearest is not null && EditDistance(asked, nearest) <= Math.Max(1, nearest.Length / 2) ? nearest : null;
    }

    /// <summary>The fewest insertions, deletions, replacements and swaps of neighbours (optimal string alignment), blind to case.</summary>
    internal static int EditDistance(string a, string b)
    {
        (a, b) = (a.ToLowerInvariant(), b.ToLowerInvariant());
        var d = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
            d[i, 0] = i;
        for (var j = 0; j <= b.Length; j++)
            d[0, j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            for (var j = 1; j <= b.Length; j++)
            {
                var replace = d[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                d[i, j] = Math.Min(replace, Math.Min(d[i - 1, j], d[i, j - 1]) + 1);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
            }
        }

        return d[a.Length, b.Length];
    }
}
