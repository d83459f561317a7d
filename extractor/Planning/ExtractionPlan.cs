using Headstart.Cache;
using Headstart.Extraction.Runtime;
using Headstart.Images;

namespace Headstart.Extraction.Planning;

/// <summary>What a run has to do to bring a cache up to date with a picture set.</summary>
/// <remarks>
/// A row stands for (image bytes, view, path, label, split). Where only the last three have changed, the features are copied; where several
/// images have the same bytes, they are computed for the first.
/// </remarks>
internal sealed record ExtractionPlan
{
    /// <summary>What to run through the network, in the set's order, an image's views one after the other.</summary>
    public required IReadOnlyList<PlannedRow> Compute { get; init; }

    /// <summary>For a row of <see cref="Compute"/>: the other images with the same bytes, which get its features.</summary>
    public required IReadOnlyDictionary<PlannedRow, IReadOnlyList<ImageItem>> Duplicates { get; init; }

    /// <summary>
    /// Images that get the features of a row in the cache: renamed, moved or relabelled ones, and duplicates of cached ones.
    /// </summary>
    public required IReadOnlyList<(ImageItem Item, int Row)> Copy { get; init; }

    /// <summary>Rows to drop, as numbers into <see cref="FeatureCache.Rows"/>.</summary>
    public required IReadOnlySet<int> Stale { get; init; }

    /// <summary>Images of <see cref="Copy"/> whose old row goes: the same bytes under another path, label or split.</summary>
    public required int Moved { get; init; }

    /// <summary>Images that are gone from the set, moved ones not counted.</summary>
    public required int Removed { get; init; }

    /// <summary>Images of the set that have rows now and will have none if they turn out to be unusable.</summary>
    public required IReadOnlySet<string> AtRisk { get; init; }

    /// <param name="images">What there is.</param>
    /// <param name="digests">Of these images.</param>
    /// <param name="rows">What the cache holds; empty for a new one.</param>
    /// <param name="views">The augmented views of each image; none of <paramref name="rows"/> has a higher one.</param>
    public static ExtractionPlan Make(ImageSet images, ImageDigests digests, IReadOnlyList<CacheRow> rows, int views)
    {
        var rowsByPath = rows.Select((row, i) => (row, i)).ToLookup(r => r.row.Path, StringComparer.Ordinal);
        var rowByBytes = new Dictionary<(string Sha256, int View), int>();
        for (var i = 0; i < rows.Count; i++)
            rowByBytes.TryAdd((rows[i].Sha256, rows[i].View), i);

        var kept = new HashSet<int>();
        var copies = new List<(ImageItem Item, int Row)>();
        var compute = new List<PlannedRow>();
        var firstWith = new Dictionary<(string Sha256, int View), PlannedRow>();
        var duplicates = new Dictionary<PlannedRow, List<ImageItem>>();
        foreach (var wanted in images.Items.SelectMany(item => Enumerable.Range(0, views + 1).Select(view => new PlannedRow(item, view))))
        {
            var (item, view) = wanted;
            var digest = digests[item];
            var own = rowsByPath[item.Path].FirstOrDefault(
                r => r.row.Sha256 == digest && r.row.View == view && r.row.Label == item.Label && r.row.Split == item.Split, (null!, -1)).i;
            if (own >= 0)
                kept.Add(own);
            else if (digest is null)
                compute.Add(wanted);
            else if (rowByBytes.TryGetValue((digest, view), out var source))
                copies.Add((item, source));
            else if (firstWith.TryAdd((digest, view), wanted))
                compute.Add(wanted);
            else if (duplicates.TryGetValue(firstWith[(digest, view)], out var others))
                others.Add(item);
            else
                duplicates.Add(firstWith[(digest, view)], [item]);
        }

        var stale = Enumerable.Range(0, rows.Count).Where(i => !kept.Contains(i)).ToHashSet();
        var paths = images.Items.Select(i => i.Path).ToHashSet(StringComparer.Ordinal);
        var copied = copies.Select(c => rows[c.Row].Sha256).ToHashSet(StringComparer.Ordinal);
        return new ExtractionPlan
        {
            Compute = compute,
            Duplicates = duplicates.ToDictionary(d => d.Key, d => (IReadOnlyList<ImageItem>)d.Value),
            Copy = copies,
            Stale = stale,
            Moved = copies.Where(c => stale.Contains(c.Row)).Select(c => c.Item.Path).Distinct(StringComparer.Ordinal).Count(),
            AtRisk = stale.Select(i => rows[i].Path).Except(kept.Select(i => rows[i].Path)).Where(paths.Contains)
                .ToHashSet(StringComparer.Ordinal),
            Removed = stale.Where(i => !paths.Contains(rows[i].Path) && !copied.Contains(rows[i].Sha256)).Select(i => rows[i].Path)
                .Distinct(StringComparer.Ordinal).Count(),
        };
    }
}
