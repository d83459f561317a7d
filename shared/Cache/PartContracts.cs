using Headstart.Models;

namespace Headstart.Cache;

/// <summary>What the parts of one cache say about themselves, taken together.</summary>
/// <param name="Common">The contract that holds for all of them: with the layers that every part has, and with the augmentation that any
/// part names.</param>
/// <param name="PartialLayers">The layers that some parts have and others don't.</param>
public sealed record PartContracts(CacheContract Common, IReadOnlyList<ModelLayer> PartialLayers)
{
    /// <summary>The layers that any part has.</summary>
    public IEnumerable<ModelLayer> AllLayers => Common.Layers.Concat(PartialLayers);

    /// <summary>Adds a part's contract.</summary>
    /// <param name="before">Of the parts so far; null for the first.</param>
    /// <param name="part">Of the next part.</param>
    /// <param name="path">That part, for messages.</param>
    /// <exception cref="CommandException">The part belongs to another cache; the message names the field.</exception>
    internal static PartContracts Join(PartContracts? before, CacheContract part, string path)
    {
        if (before is null)
            return new PartContracts(part, []);
        if (before.Common.FirstDifferenceInOneCache(part) is { } difference)
        {
            throw new CommandException(
                $"{path} has {difference.Field} '{difference.Right}', but the parts before it have '{difference.Left}'. " +
                "These are two caches in one folder: move one of them elsewhere.");
        }

        var common = before.Common.Layers.Where(part.Layers.Contains).ToList();
        return new PartContracts(
            before.Common with
            {
                Layers = common,
                Augmentation = before.Common.Augmentation ?? part.Augmentation,
                Grids = Union(before.Common.Grids, part.Grids),
            },
            [.. before.PartialLayers.Union(before.Common.Layers).Union(part.Layers).Except(common)]);
    }

    private static IReadOnlyDictionary<string, ByteGrid> Union(
        IReadOnlyDictionary<string, ByteGrid> some, IReadOnlyDictionary<string, ByteGrid> others) =>
        others.Keys.All(some.ContainsKey)
            ? some
            : some.Concat(others.Where(o => !some.ContainsKey(o.Key))).ToDictionary(StringComparer.Ordinal);
}
