using Headstart.Cache;
using Headstart.CommandLine;
using Headstart.Models;
using Headstart.Training.Heads;

namespace Headstart.Training.Features;

/// <summary>What a training reads: which layer of which cache, which rows learn and which judge.</summary>
/// <param name="Cache">Trains; and validates too where there is no other.</param>
/// <param name="ValidationCache">Validates; null where the first does both.</param>
/// <param name="Layer">What the head reads.</param>
/// <param name="Split">The rows.</param>
/// <param name="Classes">Their names, in order; a label is a place in here.</param>
internal sealed record TrainingData(FeatureCache Cache, FeatureCache? ValidationCache, ModelLayer Layer, RowSplit Split, IReadOnlyList<string> Classes)
{
    /// <summary>The images that validate, in the order in which they are loaded.</summary>
    public IReadOnlyList<string> ValidationPaths
    {
        get
        {
            var rows = (ValidationCache ?? Cache).Rows;
            return [.. ImageViews.Of(rows, Split.Validation).Images.Select(r => rows[r].Path)];
        }
    }

    /// <summary>How many rows a <see cref="LoadAsync"/> reports as progress.</summary>
    public int RowsToRead => Cache.Rows.Count + (ValidationCache?.Rows.Count ?? 0);

    /// <summary>Opens the caches and divides their rows; reads no features.</summary>
    /// <param name="folder">The cache to train on.</param>
    /// <param name="valFolder">Another one to validate on, or null.</param>
    /// <param name="layer">The layer's name; the deepest when null.</param>
    /// <param name="valSplit">Fraction of each class to validate on, where nothing else says which.</param>
    /// <param name="seed">Decides which.</param>
    /// <exception cref="CommandException">A cache that can't be read, or two that don't fit each other; a split that can't be made.</exception>
    public static async Task<TrainingData> OpenAsync(string folder, string? valFolder, string? layer, double valSplit, long seed, CancellationToken cancellationToken)
    {
        var cache = await FeatureCache.OpenAsync(folder, cancellationToken).ConfigureAwait(false);
        var read = layer is null ? cache.Contract.Layers[^1] : cache.Layer(layer);
        var val = valFolder is null ? null : await OpenValidationAsync(valFolder, cache, read, cancellationToken).ConfigureAwait(false);
        var split = val is null
            ? RowSplit.Of(cache.Rows, cache.Folder, valSplit, seed)
            : RowSplit.Between(cache.Rows, cache.Folder, val.Rows, val.Folder);
        return new TrainingData(cache, val, read, split, RowSplit.Classes(cache.Rows, split.Train));
    }

    /// <summary>Reads the features that the head needs.</summary>
    /// <param name="head">Its fixed pieces are computed while reading.</param>
    /// <param name="progress">Told of images as they are read.</param>
    /// <returns>The rows that train and those that validate; the caller owns both.</returns>
    /// <exception cref="CommandException">As of <see cref="FeatureLoader.LoadAsync"/>.</exception>
    public async Task<(FeatureSet Train, FeatureSet Validation)> LoadAsync(Head head, IProgress<int> progress, CancellationToken cancellationToken)
    {
        var loader = new FeatureLoader(Cache, Layer, head);
        if (ValidationCache is null)
        {
            var both = await loader.LoadAsync(Classes, [Split.Train, Split.Validation], progress, cancellationToken).ConfigureAwait(false);
            return (both[0], both[1]);
        }

        var train = await loader.LoadAsync(Classes, [Split.Train], progress, cancellationToken).ConfigureAwait(false);
        try
        {
            var val = await new FeatureLoader(ValidationCache, Layer, head).LoadAsync(Classes, [Split.Validation], progress, cancellationToken).ConfigureAwait(false);
            return (train[0], val[0]);
        }
        catch
        {
            train[0].Dispose();
            throw;
        }
    }

    private static async Task<FeatureCache> OpenValidationAsync(string folder, FeatureCache cache, ModelLayer layer, CancellationToken cancellationToken)
    {
        var val = await FeatureCache.OpenAsync(folder, cancellationToken).ConfigureAwait(false);

        // Validation reads plain images only, so it doesn't matter from what either cache's views were drawn.
        var ours = cache.Contract with { Layers = [layer], Augmentation = null };
        if (ours.FirstDifference(val.Contract with { Layers = [val.Layer(layer.Name)] }) is { } difference)
        {
            throw new CommandException($"{folder} was made with {difference.Field} '{difference.Right}', but {cache.Folder} with '{difference.Left}': " +
                "figures on it would mean nothing. Extract it again with the same model.");
        }

        return val;
    }
}
