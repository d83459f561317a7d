using Headstart.Cache;
using Headstart.Images;

namespace Headstart.Extraction.Pipeline;

/// <summary>What a run has to do: which images to compute, and which rows of the cache no longer hold.</summary>
/// <param name="Compute">New and changed images, in the set's order.</param>
/// <param name="Reused">The number of images whose rows are in the cache already.</param>
/// <param name="Stale">The rows whose image is gone or has changed, as numbers into <see cref="FeatureCache.Rows"/>.</param>
/// <param name="Removed">How many of the stale rows belong to images that are gone.</param>
internal sealed record ExtractionPlan(IReadOnlyList<ImageItem> Compute, int Reused, IReadOnlySet<int> Stale, int Removed)
{
    public static ExtractionPlan ForEmptyCache(ImageSet images) => new(images.Items, 0, new HashSet<int>(), 0);

    /// <summary>Compares a picture set with a cache. An image is known by its path, and unchanged when its bytes, label and split are.</summary>
    public static ExtractionPlan Compare(ImageSet images, FeatureCache cache, int workers, CancellationToken cancellationToken)
    {
        var rowOf = new Dictionary<string, int>(StringComparer.Ordinal);
        var stale = new HashSet<int>();
        for (var row = 0; row < cache.Rows.Count; row++)
        {
            if (!rowOf.TryAdd(cache.Rows[row].Path, row))
                stale.Add(row);
        }

        var unchanged = new bool[images.Items.Count];
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = workers, CancellationToken = cancellationToken };
        Parallel.For(0, images.Items.Count, parallel, i => unchanged[i] = IsUnchanged(images.Items[i], cache, rowOf));

        var compute = images.Items.Where((_, i) => !unchanged[i]).ToList();
        var kept = images.Items.Where((_, i) => unchanged[i]).Select(i => rowOf[i.Path]).ToHashSet();
        stale.UnionWith(rowOf.Values.Where(row => !kept.Contains(row)));
        var paths = images.Items.Select(i => i.Path).ToHashSet(StringComparer.Ordinal);
        return new ExtractionPlan(compute, kept.Count, stale, rowOf.Keys.Count(path => !paths.Contains(path)));
    }

    private static bool IsUnchanged(ImageItem item, FeatureCache cache, Dictionary<string, int> rowOf)
    {
        if (!rowOf.TryGetValue(item.Path, out var index))
            return false;
        var row = cache.Rows[index];
        if (row.Label != item.Label || row.Split != item.Split)
            return false;
        try
        {
            return row.Sha256 == ImageLoader.Digest(item.File);
        }
        catch (ImageRejectedException)
        {
            // Computed, so that it is rejected with its reason.
            return false;
        }
    }
}
