using Headstart.Cache;

namespace Headstart.Trainer.Features;

/// <summary>One cache or several that train together, with their rows and row groups numbered through.</summary>
internal sealed class JoinedCache
{
    private readonly int[] _firstRows;

    /// <param name="caches">At least one, made under the same contract; classes are matched by name.</param>
    public JoinedCache(IReadOnlyList<FeatureCache> caches)
    {
        Caches = caches;
        _firstRows = new int[caches.Count];
        for (var i = 1; i < caches.Count; i++)
            _firstRows[i] = checked(_firstRows[i - 1] + caches[i - 1].Rows.Count);
        Rows = caches is [var only] ? only.Rows : [.. caches.SelectMany(c => c.Rows)];
        RowGroups = [.. caches.SelectMany((c, i) => c.RowGroups.Select(g => new JoinedRowGroup(c, g, _firstRows[i] + g.FirstRow)))];
    }

    public IReadOnlyList<FeatureCache> Caches { get; }

    /// <summary>The rows of all caches, one cache after the other.</summary>
    public IReadOnlyList<CacheRow> Rows { get; }

    /// <summary>Together they cover <see cref="Rows"/> in order.</summary>
    public IReadOnlyList<JoinedRowGroup> RowGroups { get; }

    /// <summary>Which of the caches a row is in.</summary>
    public int CacheOf(int row)
    {
        var found = Array.BinarySearch(_firstRows, row);
        return found >= 0 ? found : ~found - 1;
    }
}

/// <summary>A row group of one of several caches.</summary>
/// <param name="Cache">Where it is read.</param>
/// <param name="Group">As that cache numbers it.</param>
/// <param name="FirstRow">Counted over all caches.</param>
internal sealed record JoinedRowGroup(FeatureCache Cache, CacheRowGroup Group, int FirstRow)
{
    public int RowCount => Group.RowCount;
}
