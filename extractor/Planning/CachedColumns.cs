using Headstart.Cache;

namespace Headstart.Extraction.Planning;

/// <summary>The features that a cache has, row by row in its order; one row group in memory at a time.</summary>
internal sealed class CachedColumns(FeatureCache cache)
{
    private CacheRowGroup? _group;
    private Dictionary<string, float[]> _values = [];

    /// <summary>Reads the group of a row, unless it is the one in memory.</summary>
    /// <exception cref="CommandException">The part is damaged.</exception>
    public async Task LoadAsync(int row, CancellationToken cancellationToken)
    {
        if (_group is { } loaded && row >= loaded.FirstRow && row < loaded.FirstRow + loaded.RowCount)
            return;
        _group = cache.RowGroups.Single(g => row >= g.FirstRow && row < g.FirstRow + g.RowCount);
        var values = new Dictionary<string, float[]>(StringComparer.Ordinal);
        foreach (var layer in cache.Contract.Layers)
        {
            var column = new float[_group.RowCount * layer.Shape.Length];
            await cache.ReadAsync(_group, layer.Name, column, cancellationToken);
            values.Add(layer.Name, column);
        }

        _values = values;
    }

    /// <summary>One row's values of a layer; the row's group must be loaded.</summary>
    public ReadOnlyMemory<float> Of(string layer, int row)
    {
        var length = cache.Layer(layer).Shape.Length;
        return _values[layer].AsMemory((row - _group!.FirstRow) * length, length);
    }
}
