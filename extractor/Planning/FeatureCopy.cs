using Headstart.Cache;
using Headstart.Images;

namespace Headstart.Extraction.Planning;

/// <summary>Gives images the features of rows that a cache has already.</summary>
internal static class FeatureCopy
{
    /// <param name="cache">Where the features are.</param>
    /// <param name="copies">Each image with the number of the row whose features it gets.</param>
    /// <param name="folder">The cache's, where the new rows go.</param>
    public static async Task RunAsync(
        FeatureCache cache, IReadOnlyList<(ImageItem Item, int Row)> copies, CacheFolder folder, TimeProvider time,
        CancellationToken cancellationToken)
    {
        if (copies.Count == 0)
            return;
        var writer = new CacheWriter(folder, cache.Contract, time);
        await using var _ = writer;
        foreach (var group in cache.RowGroups)
        {
            var wanted = copies.Where(c => c.Row >= group.FirstRow && c.Row < group.FirstRow + group.RowCount).ToList();
            if (wanted.Count == 0)
                continue;
            var layers = new List<(float[] Values, int Length)>();
            foreach (var layer in cache.Contract.Layers)
            {
                var values = new float[group.RowCount * layer.Shape.Length];
                await cache.ReadAsync(group, layer.Name, values, cancellationToken);
                layers.Add((values, layer.Shape.Length));
            }

            foreach (var (item, index) in wanted)
            {
                var row = cache.Rows[index] with { Path = item.Path, Label = item.Label, Split = item.Split };
                await writer.AddAsync(
                    row, [.. layers.Select(l => (ReadOnlyMemory<float>)l.Values.AsMemory((index - group.FirstRow) * l.Length, l.Length))])
                    ;
            }
        }

        await writer.FlushAsync();
    }
}
