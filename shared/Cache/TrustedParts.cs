namespace Headstart.Cache;

/// <summary>The parts of a cache that a run builds on, and those that it doesn't: nothing shows that these are what was written.</summary>
/// <param name="Cache">Of the former; null when there are none.</param>
/// <param name="Doubtful">The latter. They stay until their rows are elsewhere.</param>
public sealed record TrustedParts(FeatureCache? Cache, IReadOnlyList<string> Doubtful)
{
    /// <summary>The highest number of a view in any part, doubtful ones too.</summary>
    public int Views => Doubtful.SelectMany(p => CachePart.TryReadRows(p, check: false) ?? []).Concat(Cache?.Rows ?? []).Select(r => r.View)
        .DefaultIfEmpty().Max();

    /// <summary>
    /// Sets aside the parts that have no digest, and the parts that are not whole among those that have a row in common with another: a run
    /// keeps one of two equal rows, and must not keep the damaged one.
    /// </summary>
    /// <exception cref="CommandException">A part can't be read, or doesn't belong to the others.</exception>
    public static async Task<TrustedParts> OpenAsync(CacheFolder folder, CancellationToken cancellationToken)
    {
        var doubtful = folder.PartsWithoutDigest.ToHashSet(StringComparer.Ordinal);
        var cache = await FeatureCache.OpenAsync(folder, doubtful, cancellationToken);
        if (cache is null)
            return new TrustedParts(null, [.. doubtful.Order(StringComparer.Ordinal)]);
        var shared = from part in cache.RowsOfParts
                     group part.Part by (part.Row.Path, part.Row.View) into parts
                     where parts.Skip(1).Any()
                     from part in parts
                     select part;
        var damaged = shared.Distinct(StringComparer.Ordinal).ToList().Where(p => !CachePart.IsWhole(p)).ToList();
        if (damaged.Count > 0)
        {
            doubtful.UnionWith(damaged);
            cache = await FeatureCache.OpenAsync(folder, doubtful, cancellationToken);
        }

        return new TrustedParts(cache, [.. doubtful.Order(StringComparer.Ordinal)]);
    }

    /// <summary>Deletes the doubtful parts of which every row is in a trusted part now, or is no longer wanted.</summary>
    /// <param name="folder">The cache, after the run has dealt with every image.</param>
    /// <param name="doubtful">See <see cref="Doubtful"/>.</param>
    /// <param name="isWanted">Whether the cache is to have this row.</param>
    /// <returns>The parts that stay, because they have a row that is nowhere else.</returns>
    public static async Task<IReadOnlyList<string>> RemoveReplacedAsync(
        CacheFolder folder, IReadOnlyList<string> doubtful, Func<CacheRow, bool> isWanted, CancellationToken cancellationToken)
    {
        if (doubtful.Count == 0)
            return [];
        var trusted = await FeatureCache.OpenAsync(folder, doubtful, cancellationToken);
        var elsewhere = (trusted?.Rows ?? []).ToHashSet();
        var staying = new List<string>();
        foreach (var part in doubtful)
        {
            if (CachePart.TryReadRows(part, check: false) is { } rows && rows.All(r => elsewhere.Contains(r) || !isWanted(r)))
                CachePart.Delete(part);
            else
                staying.Add(part);
        }

        return staying;
    }
}
