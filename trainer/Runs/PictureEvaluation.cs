using Headstart.Cache;
using Headstart.CommandLine;
using Headstart.Images;
using Headstart.Models;
using Headstart.Trainer.FineTuning;
using static TorchSharp.torch;

namespace Headstart.Trainer.Runs;

/// <summary>
/// Judges a run by pictures instead of cached features: they are decoded, and base and head computed, picture by picture.
/// </summary>
/// <remarks>The only way for a base that was tuned from the image on: no cache has what its first layer reads.</remarks>
internal static class PictureEvaluation
{
    private const int Batch = 32;

    /// <param name="folder">The run's.</param>
    /// <param name="pictures">A folder, or a CSV, with labels.</param>
    /// <param name="modelPath">The base; null for where the run says that it is.</param>
    /// <param name="split">Which pictures; null to choose as for a cache.</param>
    /// <exception cref="CommandException">No base, or another; no pictures that can be judged.</exception>
    public static async Task<JudgedLogits> RunAsync(
        string folder, RunFile run, string pictures, string? modelPath, JudgedSplit? split, Device device,
        CancellationToken cancellationToken)
    {
        var model = Base(folder, run, modelPath);
        var exif = model.Contract.Preprocessing.Exif;
        var items = ImageSet.Open(pictures).Items;
        var (images, rejected) = await ProgressDisplay.RunAsync(
            "reading", "images", TimeProvider.System, begin => Task.FromResult(Read(items, exif, begin(items.Count), cancellationToken)));
        var judged = JudgedRows.Of(new LabelledImages(pictures, [.. images.Select(i => i.Row)]), run, split);
        if (rejected.Count > 0)
        {
            var note = $"{rejected.Count:N0} of {items.Count:N0} images can't be used and are left out: {rejected[0]} first.";
            judged = judged with { Notes = [.. judged.Notes, note] };
        }

        var chosen = judged.Rows.Select(r => images[r]).ToList();
        var classes = run.Classes.ToList();
        int[] labels = [.. chosen.Select(i => classes.IndexOf(i.Row.Label!))];
        using var network = TunedRun.Load(folder, run, model, after: null, device, ComputePrecision.Float32);
        using var rows = new ImageRows([.. chosen.Select(i => i.Image)], labels, model.Contract.Preprocessing, null, device);
        var logits = TuningLoop.Predict(network, rows, Batch, cancellationToken) ?? throw new OperationCanceledException(cancellationToken);
        return new JudgedLogits(judged, logits, labels);
    }

    private static ModelFile Base(string folder, RunFile run, string? path)
    {
        var (name, sha256) = (run.Cache.Contract.Model, run.Tuning?.ModelSha256 ?? run.Cache.Contract.ModelSha256);
        path ??= run.Tuning?.Model
            ?? throw CommandException.Usage(
                $"--images: {folder} has a head alone. Pass the base behind which it was trained, with --model: " +
                $"{name}, sha256 {sha256[..16]}...");
        if (!File.Exists(path))
            throw new CommandException($"The base {path} isn't there. Pass it with --model: {name}, sha256 {sha256[..16]}...");
        var model = ModelFile.Load(path);
        RunTuning.RequireModel(model, folder, sha256, run.Tuning?.Model ?? name);
        return model.Contract.Precision == "float32"
            ? model
            : throw new CommandException($"{path} is {model.Contract.Precision}, and pictures are judged by float32 weights alone. " +
                "Extract them with it, and judge by that cache.");
    }

    // A picture that extraction would reject is no row of the cache either: only without it are these the images that the run knows.
    private static (List<Picture> Pictures, List<string> Rejected) Read(
        IReadOnlyList<ImageItem> items, ExifOrientation exif, IProgress<int> progress, CancellationToken cancellationToken)
    {
        var memory = new DecodingMemory();
        var read = new (Picture? Picture, string? Reason)[items.Count];
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = cancellationToken };
        Parallel.For(0, items.Count, parallel, i =>
        {
            read[i] = Read(items[i], exif, memory);
            lock (read)
                progress.Report(1);
        });
        return ([.. read.Select(r => r.Picture).OfType<Picture>()], [.. read.Select(r => r.Reason).OfType<string>()]);
    }

    private static (Picture? Picture, string? Reason) Read(ImageItem item, ExifOrientation exif, DecodingMemory memory)
    {
        using var share = memory.Open();
        try
        {
            var (sha256, pixels) = DecodedPicture.Read(item.File, exif, share);
            var row = new CacheRow(item.Path, item.Label, item.Split, sha256, pixels.Width, pixels.Height, 0);
            return (new Picture(row, new TuningImage(item.File, sha256)), null);
        }
        catch (ImageRejectedException e)
        {
            return (null, $"{item.Path} ({e.Message})");
        }
    }

    private sealed record Picture(CacheRow Row, TuningImage Image);
}

/// <summary>What a run's head says of the images that it is judged by.</summary>
/// <param name="Judged">Which they are.</param>
/// <param name="Logits">Row-major [n, outputs].</param>
/// <param name="Labels">A class index an image.</param>
internal sealed record JudgedLogits(JudgedRows Judged, float[] Logits, int[] Labels);
