using Headstart.Cache;
using Headstart.Images;
using Headstart.Trainer.Evaluation;
using Headstart.Trainer.Features;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Runs;
using Headstart.Trainer.Training;

namespace Headstart.Trainer.Export;

/// <summary>What a head's probabilities became by being joined to another base than it learnt from, on images of the run's cache.</summary>
/// <param name="Images">How many were compared.</param>
/// <param name="MeanChange">Of the probability of a class, absolute, averaged over images and classes.</param>
/// <param name="LargestChange">Of the probability of a class, absolute.</param>
/// <param name="ChangedDecisions">How many images got another label.</param>
internal sealed record OtherBaseChange(int Images, double MeanChange, double LargestChange, int ChangedDecisions)
{
    private const int MostImages = 64;

    /// <summary>Compares the head on cached features with the exported model on the images that they come from.</summary>
    /// <param name="images">The folder that the cache's paths are relative to; null for the one that the cache names.</param>
    /// <exception cref="CommandException">The cache or its images can't be read.</exception>
    public static async Task<OtherBaseChange> MeasureAsync(
        RunFile run, Head head, ExportedModel exported, ExifOrientation exif, string? images, CancellationToken cancellationToken)
    {
        var cache = await FeatureCache.OpenAsync(run.Cache.Folder, cancellationToken);
        if (cache.Contract.FirstDifference(run.Cache.Contract) is { } difference)
            throw new CommandException($"{cache.Folder} is another cache by now: {difference.Field} is '{difference.Left}'.");
        var root = images ?? cache.Contract.ImageFolder ?? throw new CommandException(
            "the cache doesn't say where its images are (--images DIR does)");
        var (rows, pictures) = Find(cache, root, run.Classes, exif);
        if (rows.Count == 0)
            throw new CommandException($"no image of the cache is in {root} as it was");

        var sets = await new FeatureLoader(cache, run.Layer, head).LoadAsync(run.Classes, [rows], new Progress<int>(), cancellationToken);
        using var set = sets[0];
        var logits = TrainingLoop.Predict(head, set).Select(z => (float)(z / exported.Decision.Temperature)).ToArray();
        var before = LogProbabilities.FromLogits(logits, run.Classes.Count).Select(l => (float)Math.Exp(l)).ToArray();
        var after =
            pictures.Chunk(exported.Batch).SelectMany(batch => exported.Predict(batch, exported.Prepare(batch)).Probabilities).ToArray();
        var changes = before.Zip(after, (a, b) => Math.Abs((double)a - b)).ToList();
        var classes = run.Classes.Count;
        var changed = Enumerable.Range(0, rows.Count).Count(i => Label(before, i) != Label(after, i));
        return new OtherBaseChange(rows.Count, changes.Average(), changes.Max(), changed);

        int Label(float[] probabilities, int row) => exported.Decision.Decide(probabilities.AsSpan(row * classes, classes));
    }

    private static (List<int> Rows, List<RgbImage> Pictures) Find(
        FeatureCache cache, string root, IReadOnlyList<string> classes, ExifOrientation exif)
    {
        var plain =
            Enumerable.Range(0, cache.Rows.Count).Where(r => cache.Rows[r].View == 0 && classes.Contains(cache.Rows[r].Label)).ToList();
        var step = Math.Max(1.0, (double)plain.Count / MostImages);
        var (rows, pictures) = (new List<int>(), new List<RgbImage>());
        for (var i = 0; i < Math.Min(plain.Count, MostImages); i++)
        {
            var row = plain[(int)(i * step)];
            try
            {
                using var share = new DecodingMemory().Open();
                var picture = DecodedPicture.Read(Path.Combine(root, cache.Rows[row].Path), exif, share);
                if (picture.Sha256 != cache.Rows[row].Sha256)
                    continue;
                pictures.Add(picture.Pixels);
                rows.Add(row);
            }
            catch (ImageRejectedException)
            {
                // One that is gone or changed says nothing.
            }
        }

        return (rows, pictures);
    }
}
