using Headstart.Cache;
using Headstart.Models;

namespace Headstart.Trainer.FineTuning;

/// <summary>
/// The cached layer from which what is tuned is computed: the deepest that lies before all of it, so that the least is left to compute.
/// </summary>
internal static class CachedPrefix
{
    /// <param name="cache">Where the features are.</param>
    /// <param name="model">The base that made them.</param>
    /// <param name="parts">What is tuned; one layer has to serve all of these.</param>
    /// <param name="takesImages">Whether the command could compute from pictures instead, with --images.</param>
    /// <exception cref="CommandException">The cache has no such layer; the message says which one to add.</exception>
    public static ModelLayer Find(FeatureCache cache, ModelFile model, IReadOnlyCollection<UnfrozenPart> parts, bool takesImages)
    {
        if (Among(cache.Contract.Layers, model, parts) is { } found)
            return found;
        var has = $"{cache.Folder} has {string.Join(", ", cache.Contract.Layers.Select(l => l.Name))}";
        if (parts.Any(p => p.From is null))
        {
            throw new CommandException($"{has}, and everything from the image on is to be tuned, which no cache can hold. " +
                (takesImages ? "Give --images instead of --cache." : "Unfreeze less."));
        }

        var otherwise = takesImages ? "give --images" : "unfreeze less";
        if (Among(model.Contract.Layers, model, parts) is { } layer)
        {
            throw new CommandException($"{has}, none of which lies before what is to be tuned. Add it with 'extractor extract IMAGES " +
                $"--model {model.Path} --layer {layer.Name} --out {cache.Folder}', " +
                $"or {otherwise}.");
        }

        var from = string.Join(", ", parts.Select(p => p.From).Distinct());
        throw new CommandException($"{has}, none of which lies before {from}, and {model.Path} names no such layer. Import its weights " +
            $"again with --layer {parts.First().From}, or {otherwise}.");
    }

    /// <summary>Holds what is to be read into memory to what there is.</summary>
    /// <param name="rows">How many.</param>
    /// <exception cref="CommandException">It would not fit.</exception>
    public static void RequireMemory(long rows, ModelLayer layer, FeatureCache cache, bool takesImages)
    {
        var (needed, available) = (rows * layer.Shape.Length * sizeof(float), GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
        if (needed > available / 10 * 9)
        {
            throw new CommandException($"{rows:N0} rows of {layer.Name} ({layer.Shape}) of {cache.Folder} take " +
                $"{needed / (double)(1L << 30):0.0} GiB, and this machine has {available / (double)(1L << 30):0.0}. " +
                "Unfreeze fewer blocks, so that a smaller layer is " +
                $"read{(takesImages ? ", or give --images, which are read as they are needed" : "")}.");
        }
    }

    /// <summary>The deepest of some layers, shallow first, that lies before all of the parts.</summary>
    /// <returns>Null where none does.</returns>
    public static ModelLayer? Among(IReadOnlyList<ModelLayer> layers, ModelFile model, IReadOnlyCollection<UnfrozenPart> parts) =>
        layers.LastOrDefault(layer => parts.All(p => p.CanFollow(model, layer.Name)));
}
