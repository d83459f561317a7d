namespace Headstart.Cache;

/// <summary>Drops rows from a cache.</summary>
public static class CachePruning
{
    /// <summary>
    /// Rewrites each part that holds one of the rows without them; a part that would be empty is deleted. Killed at any moment, it leaves
    /// whole parts.
    /// </summary>
    /// <param name="cache">The cache; stale afterwards, open it again.</param>
    /// <param name="rows">Numbers into <see cref="FeatureCache.Rows"/>.</param>
    /// <exception cref="CommandException">A part can't be read or written.</exception>
    public static async Task RemoveAsync(FeatureCache cache, IReadOnlySet<int> rows, CancellationToken cancellationToken)
    {
        foreach (var part in cache.RowGroups.GroupBy(g => g.PartPath, StringComparer.Ordinal))
        {
            cancellationToken.ThrowIfCancellationRequested();
            var kept = part.SelectMany(g => Enumerable.Range(g.FirstRow, g.RowCount)).Where(r => !rows.Contains(r)).ToList();
            if (kept.Count == part.Sum(g => g.RowCount))
                continue;
            if (kept.Count == 0)
                CachePart.Delete(part.Key);
            else
                await RewriteAsync(cache, [.. part], kept, cancellationToken);
        }
    }

    private static async Task RewriteAsync(
        FeatureCache cache, List<CacheRowGroup> groups, List<int> kept, CancellationToken cancellationToken)
    {
        var first = groups[0].FirstRow;
        var layers = new List<float[]>();
        foreach (var layer in cache.Contract.Layers)
        {
            var values = new float[groups.Sum(g => g.RowCount) * layer.Shape.Length];
            foreach (var group in groups)
            {
                var destination = values.AsMemory((group.FirstRow - first) * layer.Shape.Length, group.RowCount * layer.Shape.Length);
                await cache.ReadAsync(group, layer.Name, destination, cancellationToken);
            }

            layers.Add(values);
        }

        var builder = new PartBuilder(cache.Contract, kept.Count);
        foreach (var row in kept)
        {
            builder.Add(cache.Rows[row], [.. layers.Zip(cache.Contract.Layers, (values, l) =>
                (ReadOnlyMemory<float>)values.AsMemory((row - first) * l.Shape.Length, l.Shape.Length))]);
        }

        await builder.WriteAsync(groups[0].PartPath, cancellationToken);
    }
}
