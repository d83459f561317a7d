using Headstart.Cache;
using Headstart.Trainer.Features;

namespace Headstart.Trainer.Runs;

/// <summary>The images that a run was trained and judged on, found again: from its cache, by its split column or its seed.</summary>
/// <param name="Data">The run's caches.</param>
/// <param name="Train">One row an image, in the order of the split.</param>
/// <param name="Validation">Likewise.</param>
/// <param name="Notes">What the user should know, one line each.</param>
internal sealed record RunImages(
    TrainingData Data, IReadOnlyList<CacheRow> Train, IReadOnlyList<CacheRow> Validation, IReadOnlyList<string> Notes)
{
    /// <param name="run">What <c>run.json</c> says.</param>
    /// <param name="runFolder">The run, for messages.</param>
    /// <param name="runCache">Where the run's cache is now; null for where <c>run.json</c> says.</param>
    /// <param name="otherCache">Another cache of the same images, to take where the run's is gone; null for none.</param>
    /// <exception cref="CommandException">The cache can't be found or read, or would be divided otherwise than the run says.</exception>
    public static async Task<RunImages> OpenAsync(
        RunFile run, string runFolder, string? runCache, string? otherCache, CancellationToken cancellationToken)
    {
        var folder = runCache ?? (FeatureCache.Exists(run.Cache.Folder) ? run.Cache.Folder : otherCache)
            ?? throw new CommandException($"{run.Cache.Folder}, on which {runFolder} was trained, isn't there: it says which images " +
                "train and which judge. Pass where it is now, with --run-cache.");
        var cache = await FeatureCache.OpenAsync(folder, cancellationToken);
        RequireContract(cache, run.Cache.Contract, runFolder);
        var layer = cache.Contract.Layers.Any(l => l.Name == run.Layer.Name) ? run.Layer.Name : null;
        var data =
            await TrainingData.OpenAsync(folder, run.ValidationCache?.Folder, layer, run.Split.ValSplit, run.SplitSeed, cancellationToken);
        if (!data.Classes.SequenceEqual(run.Classes))
        {
            throw new CommandException($"{folder} has the classes {string.Join(", ", data.Classes)}, but {runFolder} was trained on " +
                $"{string.Join(", ", run.Classes)}. " +
                "Pass the run's own cache with --run-cache.");
        }

        var notes = data.Split.Notes.ToList();
        if ((data.Split.TrainImages, data.Split.Validation.Count) != (run.Split.Train, run.Split.Val))
        {
            var difference = $"{folder} has {data.Split.TrainImages:N0} images to train and {data.Split.Validation.Count:N0} to " +
                $"validate, but {runFolder} had {run.Split.Train:N0} and {run.Split.Val:N0}";
            if (data.Split.How != run.Split.How || !run.Split.How.StartsWith("by ", StringComparison.Ordinal))
                throw new CommandException(
                    $"{difference}: drawn again, images that trained the head would judge it. Train the head again on this cache first.");
            notes.Add(difference + ".");
        }

        return new RunImages(data, Images(cache, data.Split.Train), Images(data.ValidationCache ?? cache, data.Split.Validation), notes);
    }

    /// <summary>
    /// The folder that the paths of <see cref="Validation"/> are relative to: as the options say, or else as the cache does.
    /// </summary>
    /// <returns>Null where nobody says; the folder may be gone.</returns>
    public string? PictureFolder(FinetuneRequest arguments)
    {
        var pictures = arguments.Images is null ? null : arguments.Val ?? arguments.Images;
        return pictures is null
            ? (Data.ValidationCache ?? Data.Cache).Contract.ImageFolder
            : File.Exists(pictures) ? Path.GetDirectoryName(Path.GetFullPath(pictures)) : pictures;
    }

    /// <summary>Holds a cache to the contract of the run's.</summary>
    /// <exception cref="CommandException">They differ; the message names the field.</exception>
    public static void RequireContract(FeatureCache cache, CacheContract contract, string runFolder)
    {
        if (contract.FirstDifference(cache.Contract with { Augmentation = null }) is { } difference)
        {
            throw new CommandException($"{cache.Folder} was made with {difference.Field} '{difference.Right}', but the features of " +
                $"{runFolder} with '{difference.Left}'. " +
                "Extract with the model that the run names.");
        }
    }

    private static List<CacheRow> Images(FeatureCache cache, IReadOnlyList<int> rows) =>
        [.. rows.Select(r => cache.Rows[r]).DistinctBy(r => r.Path)];
}
