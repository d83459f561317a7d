using Headstart.Cache;
using Headstart.Models;
using Headstart.Preprocessing;
using Headstart.Trainer.FineTuning;
using static TorchSharp.torch;

namespace Headstart.Trainer.Runs;

/// <summary>What goes into the network that is tuned: features of a cached layer, or pictures.</summary>
/// <param name="Arguments">Say where they are.</param>
/// <param name="Prefix">The layer; null for pictures.</param>
/// <param name="Cache">Has it; null for pictures.</param>
/// <param name="ValCache">Has it for the validation images, where they are in a cache of their own.</param>
/// <param name="Folder">The cache that must stay as it is: that of the features, or for pictures the run's, which says how they are
/// divided.</param>
/// <param name="ValFolder">Likewise, for validation images in a cache of their own.</param>
internal sealed record TuningInputs(
    FinetuneRequest Arguments, ModelLayer? Prefix, FeatureCache? Cache, FeatureCache? ValCache, string Folder, string? ValFolder)
{
    /// <summary>How many rows a <see cref="LoadAsync"/> reports as progress.</summary>
    public int RowsToRead => (Cache?.Rows.Count ?? 0) + (ValCache?.Rows.Count ?? 0);

    /// <summary>Opens the caches; reads no features.</summary>
    /// <exception cref="CommandException">A cache of other features, or without a layer that everything unfrozen can be computed
    /// from.</exception>
    public static async Task<TuningInputs> OpenAsync(
        FinetuneRequest arguments, RunFile run, RunImages images, ModelFile model, UnfrozenPart part, CancellationToken cancellationToken)
    {
        var ownValidation = run.ValidationCache?.Folder;
        if (ownValidation is null && arguments.Val is not null)
            throw CommandException.Usage(
                $"--val {arguments.Val}: {arguments.Run} was validated on images of {run.Cache.Folder}, and so is this. Leave --val out.");
        if (arguments.Cache is null)
        {
            return ownValidation is not null && arguments.Val is null
                ? throw CommandException.Usage($"{arguments.Run} was validated on {ownValidation}: say where its pictures are, with --val.")
                : new TuningInputs(arguments, null, null, null, images.Data.Cache.Folder, ownValidation);
        }

        var cache = await OpenAsync(arguments.Cache);
        var prefix = CachedPrefix.Find(cache, model, [part], takesImages: true);
        var valCache = ownValidation is null ? null : await OpenAsync(arguments.Val ?? ownValidation);
        valCache?.Layer(prefix.Name);
        return new TuningInputs(arguments, prefix, cache, valCache, cache.Folder, valCache?.Folder);

        async Task<FeatureCache> OpenAsync(string folder)
        {
            var opened = await FeatureCache.OpenAsync(folder, cancellationToken);
            RunImages.RequireContract(opened, run.Cache.Contract, arguments.Run);
            return opened;
        }
    }

    /// <summary>Reads the features, or finds the pictures.</summary>
    /// <param name="images">Which images train, and which judge.</param>
    /// <param name="progress">Told of rows as they are read.</param>
    /// <exception cref="CommandException">As of <see cref="TuningSets"/>.</exception>
    public async Task<TuningSets> LoadAsync(
        RunImages images, ModelFile model, TuningOptions options, Device device, IProgress<int> progress,
        CancellationToken cancellationToken)
    {
        var seed = options.Training.Seed;
        if (Cache is not null)
            return await TuningSets.LoadAsync(images, Cache, ValCache, Prefix!, options.Augment, seed, device, progress, cancellationToken);
        var augmentation = options.Augment ? images.Data.Cache.Contract.Augmentation ?? new Augmentation { Seed = seed } : null;
        return TuningSets.Open(images, Arguments.Images!, Arguments.Val, model.Contract.Preprocessing, augmentation, device);
    }
}
