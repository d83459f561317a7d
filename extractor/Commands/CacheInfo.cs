using Headstart.Cache;
using Headstart.Models;

namespace Headstart.Extraction.Commands;

/// <summary>What <c>cache info</c> shows; the fields of its <c>--json</c>.</summary>
/// <param name="Bytes">Of the part files.</param>
/// <param name="Views">The most augmented views that an image has beside the plain one.</param>
/// <param name="Layers">Those of every part, which can be trained on.</param>
/// <param name="PartialLayers">Those of some parts: other shards still have to add them.</param>
/// <param name="ByteLayers">Those whose columns hold bytes, with what floats these stand for; the others' hold floats.</param>
/// <param name="Complete">Whether every image that the cache was to hold is there; null where it is not known.</param>
/// <param name="Completeness">The same with its numbers.</param>
/// <param name="Strangers">Names in the folder that look like a part and that Headstart doesn't give; they were not read.</param>
/// <param name="Classes">In the order in which a trainer numbers them.</param>
internal sealed record CacheInfo(
    int Rows,
    int Views,
    int Files,
    long Bytes,
    IReadOnlyDictionary<string, LayerShape> Layers,
    IReadOnlyDictionary<string, LayerShape> PartialLayers,
    IReadOnlyDictionary<string, ByteGrid> ByteLayers,
    bool? Complete,
    CacheCompleteness Completeness,
    IReadOnlyList<string> Strangers,
    IReadOnlyList<string> Classes,
    CacheContract Contract)
{
    public static CacheInfo Of(FeatureCache cache)
    {
        var files = cache.RowGroups.Select(g => g.PartPath).Distinct(StringComparer.Ordinal).ToList();
        return new CacheInfo(
            cache.Rows.Count,
            cache.Rows.Max(r => r.View),
            files.Count,
            files.Sum(f => new FileInfo(f).Length),
            cache.Contract.Layers.ToDictionary(l => l.Name, l => l.Shape),
            cache.PartialLayers.ToDictionary(l => l.Name, l => l.Shape),
            cache.Contract.Grids,
            cache.Completeness.Complete,
            cache.Completeness,
            cache.Strangers,
            [.. cache.Rows.Select(r => r.Label).OfType<string>().Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)],
            cache.Contract);
    }

    /// <summary>Rows by split and class, both in ordinal order.</summary>
    public static IEnumerable<(string Split, IEnumerable<(string Label, int Rows)> Classes)> CountClasses(FeatureCache cache) =>
        from row in cache.Rows
        group row by row.Split ?? "no split" into split
        orderby split.Key
        select (split.Key, from row in split
                           group row by row.Label ?? "no label" into label
                           orderby label.Key
                           select (label.Key, label.Count()));
}
