using Headstart.Cache;
using Headstart.Images;
using Headstart.Models;
using Headstart.Preprocessing;
using Headstart.Trainer.Features;
using Headstart.Trainer.FineTuning;
using static TorchSharp.torch;

namespace Headstart.Trainer.Runs;

/// <summary>The rows that train and those that judge.</summary>
internal sealed record TuningSets(TuningRows Train, TuningRows Validation) : IDisposable
{
    /// <summary>From caches that hold the layer before the tuned part.</summary>
    /// <param name="images">Which images.</param>
    /// <param name="cache">Has the features of those that train, and of those that judge too where there is no other.</param>
    /// <param name="valCache">Has those that judge; null where the first does both.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="augment">Whether augmented views are read too.</param>
    /// <param name="seed">With the epoch decides which view is seen.</param>
    /// <param name="device">Where batches are wanted.</param>
    /// <param name="progress">Told of rows as they are read.</param>
    /// <exception cref="CommandException">Images that a cache doesn't have, no views, or more than fits into memory.</exception>
    public static async Task<TuningSets> LoadAsync(
        RunImages images, FeatureCache cache, FeatureCache? valCache, ModelLayer layer, bool augment, long seed, Device device,
        IProgress<int> progress, CancellationToken cancellationToken)
    {
        var train = Rows(cache, images.Train, augment);
        var validation = Rows(valCache ?? cache, images.Validation, augment: false);
        if (augment && train.Count == images.Train.Count)
            throw new CommandException($"{cache.Folder} has no augmented views. Add them with 'extractor extract ... --views K --seed S " +
                $"--out {cache.Folder}', leave --augment out, or give --images.");
        CachedPrefix.RequireMemory((long)train.Count + validation.Count, layer, cache, takesImages: true);

        var loader = new FeatureLoader(cache, layer, null);
        if (valCache is null)
        {
            var both = await loader.LoadAsync(images.Data.Classes, [train, validation], progress, cancellationToken);
            return new TuningSets(new CachedRows(both[0], seed, device), new CachedRows(both[1], seed, device));
        }

        var first = await loader.LoadAsync(images.Data.Classes, [train], progress, cancellationToken);
        try
        {
            var second =
                await new FeatureLoader(valCache, layer, null).LoadAsync(images.Data.Classes, [validation], progress, cancellationToken);
            return new TuningSets(new CachedRows(first[0], seed, device), new CachedRows(second[0], seed, device));
        }
        catch
        {
            first[0].Dispose();
            throw;
        }
    }

    /// <summary>From the pictures themselves.</summary>
    /// <param name="images">Which images; found again by path and label.</param>
    /// <param name="folder">Where those that train are, and those that judge too where there is no other.</param>
    /// <param name="valFolder">Where those that judge are; null where the first has both.</param>
    /// <param name="preprocessing">The model's.</param>
    /// <param name="augmentation">From what the views of those that train are drawn; null for plain images.</param>
    /// <param name="device">Where batches are wanted.</param>
    /// <exception cref="CommandException">Images that are not there, or under another label.</exception>
    public static TuningSets Open(
        RunImages images, string folder, string? valFolder, ImagePreprocessing preprocessing, Augmentation? augmentation, Device device)
    {
        var set = ImageSet.Open(folder);
        return new TuningSets(
            new ImageRows(Files(set, folder, images.Train), Labels(images.Train), preprocessing, augmentation, device),
            new ImageRows(Files(valFolder is null ? set : ImageSet.Open(valFolder), valFolder ?? folder, images.Validation),
                Labels(images.Validation), preprocessing, null, device));

        int[] Labels(IReadOnlyList<CacheRow> rows) => [.. rows.Select(r => images.Data.Classes.ToList().IndexOf(r.Label!))];
    }

    public void Dispose()
    {
        Train.Dispose();
        Validation.Dispose();
    }

    // Every image's plain row, followed by its views.
    private static List<int> Rows(FeatureCache cache, IReadOnlyList<CacheRow> images, bool augment)
    {
        var byImage = Enumerable.Range(0, cache.Rows.Count).ToLookup(r => Key(cache.Rows[r]));
        var missing = images.Where(i => !byImage[Key(i)].Any(r => cache.Rows[r].View == 0)).ToList();
        if (missing.Count > 0)
        {
            throw new CommandException($"{cache.Folder} lacks {missing.Count:N0} of the {images.Count:N0} images that the run needs, or " +
                "has them with other bytes or another label: " +
                $"{missing[0].Path} first. Extract the same pictures with the same model into it.");
        }

        return [.. images.SelectMany(i => byImage[Key(i)].Where(r => augment
            || cache.Rows[r].View == 0).DistinctBy(r => cache.Rows[r].View).OrderBy(r => cache.Rows[r].View))];

        static (string, string?, string) Key(CacheRow row) => (row.Path, row.Label, row.Sha256);
    }

    private static List<TuningImage> Files(ImageSet set, string folder, IReadOnlyList<CacheRow> images)
    {
        var items = set.Items.ToDictionary(i => i.Path, StringComparer.Ordinal);
        var missing = images.Where(i => !items.ContainsKey(i.Path)).ToList();
        if (missing.Count > 0)
        {
            throw new CommandException(
                $"{folder} lacks {missing.Count:N0} of the {images.Count:N0} images that the run needs: {missing[0].Path} first. " +
                "Pass the folder or CSV that was extracted; a run whose validation images were elsewhere also needs --val.");
        }

        return images.FirstOrDefault(i => items[i.Path].Label != i.Label) is { } other
            ? throw new CommandException($"{folder}: {other.Path} has the label '{items[other.Path].Label}', but had '{other.Label}' " +
                "when the head was trained. Extract and train again.")
            : [.. images.Select(i => new TuningImage(items[i.Path].File, i.Sha256))];
    }
}
