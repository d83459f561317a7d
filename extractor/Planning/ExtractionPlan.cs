using Headstart.Cache;
using Headstart.Images;

namespace Headstart.Extraction.Planning;

/// <summary>What a run has to do to bring a cache up to date with a picture set.</summary>
/// <remarks>
/// A row stands for (image bytes, path, label, split). Where only the last three have changed, the features are copied; where several images have the same bytes, they
/// are computed for the first.
/// </remarks>
internal sealed record ExtractionPlan
{
    /// <summary>Images to run through the network, in the set's order.</summary>
    public required IReadOnlyList<ImageItem> Compute { get; init; }

    /// <summary>For an image of <see cref="Compute"/>, by its path: the others with the same bytes, which get its features.</summary>
    public required IReadOnlyDictionary<string, IReadOnlyList<ImageItem>> Duplicates { get; init; }

    /// <summary>Images that get the features of a row in the cache: renamed, moved or relabelled ones, and duplicates of cached ones.</summary>
    public required IReadOnlyList<(ImageItem Item, int Row)> Copy { get; init; }

    /// <summary>Rows to drop, as numbers into <see cref="FeatureCache.Rows"/>.</summary>
    public required IReadOnlySet<int> Stale { get; init; }

    /// <summary>Images whose rows stay as they are.</summary>
    public required int Kept { get; init; }

    /// <summary>Images of <see cref="Copy"/> whose old row goes: the same bytes under another path, label or split.</summary>
    public required int Moved { get; init; }

    /// <summary>Images that are gone from the set, moved ones not counted.</summary>
    public required int Removed { get; init; }

    /// <param name="images">What there is.</param>
    /// <param name="digests">Of these images.</param>
    /// <param name="rows">What the cache holds; empty for a new one.</param>
    public static ExtractionPlan Make(ImageSet images, ImageDigests digests, IReadOnlyList<CacheRow> rows)
    {
        var rowsByPath = rows.Select((row, i) => (row, i)).ToLookup(r => r.row.Path, StringComparer.Ordinal);
        var rowByDigest = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < rows.Count; i++)
            rowByDigest.TryAdd(rows[i].Sha256, i);

        var kept = new HashSet<int>();
        var copies = new List<(ImageItem Item, int Row)>();
        var compute = new List<ImageItem>();
        var firstWith = new Dictionary<string, ImageItem>(StringComparer.Ordinal);
        var duplicates = new Dictionary<string, List<ImageItem>>(StringComparer.Ordinal);
        foreach (var item in images.Items)
        {
            var digest = digests[item];
            var own = rowsByPath[item.Path].FirstOrDefault(r => r.row.Sha256 == digest && r.row.Label == item.Label && r.row.Split == item.Split, (null!, -1)).i;
            if (own >= 0)
                kept.Add(own);
            else if (digest is null)
                compute.Add(item);
            else if (rowByDigest.TryGetValue(digest, out var source))
                copies.Add((item, source));
            else if (firstWith.TryAdd(digest, item))
                compute.Add(item);
            else if (duplicates.TryGetValue(firstWith[digest].Path, out var others))
                others.Add(item);
            else
                duplicates.Add(firstWith[digest].Path, [item]);
        }

        var stale = Enumerable.Range(0, rows.Count).Where(i => !kept.Contains(i)).ToHashSet();
        var paths = images.Items.Select(i => i.Path).ToHashSet(StringComparer.Ordinal);
        var copied = copies.Select(c => rows[c.Row].Sha256).ToHashSet(StringComparer.Ordinal);
        return new ExtractionPlan
        {
            Compute = compute,
            Duplicates = duplicates.ToDictionary(d => d.Key, d => (IReadOnlyList<ImageItem>)d.Value, StringComparer.Ordinal),
            Copy = copies,
            Stale = stale,
            Kept = kept.Count,
            Moved = copies.Count(c => stale.Contains(c.Row)),
            Removed = stale.Where(i => !paths.Contains(rows[i].Path) && !copied.Contains(rows[i].Sha256)).Select(i => rows[i].Path).Distinct(StringComparer.Ordinal).Count(),
        };
    }
}
