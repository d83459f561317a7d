using System.Diagnostics;
using Headstart.Cache;
using Headstart.Extraction.Planning;
using Headstart.Extraction.Quantization;
using Headstart.Extraction.Runtime;
using Headstart.Images;
using Headstart.Preprocessing;

namespace Headstart.Extraction.Pipeline;

/// <summary>One run of <c>extract</c>: brings a cache up to date with a picture set.</summary>
internal sealed class ExtractionRun(
    ImageSet images, BaseNetwork network, CacheFolder folder, ExtractionSettings settings, TimeProvider time, Action<string>? say = null)
{
    private readonly RejectedImages _rejected = new();
    private readonly HashSet<string> _computed = new(StringComparer.Ordinal);
    private readonly HashSet<string> _duplicates = new(StringComparer.Ordinal);
    private int _computedRows;

    /// <summary>Computes what is new or changed, drops what is gone, keeps the rest.</summary>
    /// <param name="progress">Given the number of images to compute, returns where finished ones are reported.</param>
    /// <param name="cancellationToken">Ends the run early; the rows computed so far are written.</param>
    /// <exception cref="CommandException">A cache of another contract, or held by another process, or a folder that can't be
    /// written.</exception>
    public async Task<ExtractionResult> RunAsync(Func<int, IProgress<int>> progress, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        using var cacheLock = CacheLock.Acquire(folder, time);
        folder.CleanUp();
        var contract = await AgreeAsync(cancellationToken);
        var parts = await TrustedParts.OpenAsync(folder, cancellationToken);
        var (cache, doubtful) = parts;
        SayWhatIsNotRead(doubtful);
        var views = Math.Max(settings.Views, parts.Views);
        var digests = ImageDigests.Take(
            images, folder.DigestMemory, settings.Rehash, all: cache is not null, settings.Workers, time, cancellationToken);
        var plan = ExtractionPlan.Make(images, digests, cache?.Rows ?? [], views);
        var times = new StageTimes();
        var record = new ExtractionRecord
        {
            Complete = false,
            Images = images.Items.Count,
            Views = views,
            Layers = [.. contract.Layers.Select(l => l.Name)],
        };
        if (HasWork(plan, cache, doubtful, contract))
            record.Write(folder);
        AddedLayers? added = null;
        if (cache is not null)
        {
            // Copied before it is dropped: killed in between, the next run finds both and drops the old row.
            await FeatureCopy.RunAsync(cache, plan.Copy, folder, time, cancellationToken);
            await CachePruning.RemoveAsync(cache, plan.Stale, cancellationToken);
            added = await AddLayersAsync(contract, doubtful, progress, times, cancellationToken);
        }

        var writer = new CacheWriter(folder, contract, time);
        await using var _ = writer;
        var pipeline = new FeaturePipeline(network, settings.BatchSize, settings.Workers, times, contract.Augmentation);
        var counter = progress(plan.Compute.Count);
        var computing = Stopwatch.GetTimestamp();
        try
        {
            await pipeline.RunAsync(plan.Compute, batch => WriteAsync(batch, plan, digests, writer, counter), cancellationToken);
        }
        catch (OperationCanceledException)
        {
            await writer.FlushAsync();
            digests.Save();
            _rejected.Write(folder.RejectedFile);
            throw;
        }

        await writer.FlushAsync();
        times.Add(Stage.Write, writer.Worked);
        digests.Save();
        var seconds = Stopwatch.GetElapsedTime(computing).TotalSeconds;
        var rejectedFile = _rejected.Write(folder.RejectedFile);
        await FinishAsync(record, digests, doubtful, cancellationToken);
        _computed.ExceptWith(_rejected.Paths);
        _duplicates.ExceptWith(_rejected.Paths);
        _duplicates.ExceptWith(_computed);
        return new ExtractionResult
        {
            Images = images.Items.Count,
            Computed = _computed.Count,
            Reused = images.Items.Count - _computed.Count - _duplicates.Count - _rejected.Count,
            Moved = plan.Moved,
            Duplicates = _duplicates.Count,
            Removed = plan.Removed + _rejected.Paths.Count(plan.AtRisk.Contains),
            Rejected = _rejected.Count,
            Views = views,
            ComputedRows = _computedRows,
            RejectedFile = rejectedFile,
            Seconds = Stopwatch.GetElapsedTime(start).TotalSeconds,
            ComputeSeconds = seconds,
            ImagesPerSecond = _computed.Count == 0 ? 0 : _computed.Count / seconds,
            StageSeconds = StageSeconds.Of(times),
            Added = added,
            Layers = network.Layers.ToDictionary(l => l.Name, l => l.Shape),
            Classes = images.Classes,
            PeakMemoryBytes = PeakMemory.Bytes(),
        };
    }

    private void SayWhatIsNotRead(IReadOnlyList<string> doubtful)
    {
        if (FolderWords.Strangers(folder.Path, folder.Strangers) is { } strangers)
            say?.Invoke(strangers);
        foreach (var part in doubtful)
            say?.Invoke(
                $"{part} has no digest beside it that fits, so nothing shows that it is what was written: its rows are computed again.");
    }

    private static bool HasWork(ExtractionPlan plan, FeatureCache? cache, IReadOnlyList<string> doubtful, CacheContract contract) =>
        plan.Compute.Count > 0 || plan.Copy.Count > 0 || plan.Stale.Count > 0 || doubtful.Count > 0 ||
        (cache is not null && !contract.Layers.All(cache.Contract.Layers.Contains));

    /// <summary>Every image has been dealt with: removes parts that are replaced, and notes it.</summary>
    private async Task FinishAsync(
        ExtractionRecord record, ImageDigests digests, IReadOnlyList<string> doubtful, CancellationToken cancellationToken)
    {
        var items = images.Items.ToLookup(i => i.Path, StringComparer.Ordinal);
        var staying = await TrustedParts.RemoveReplacedAsync(folder, doubtful, IsWanted, cancellationToken);
        foreach (var part in staying)
            say?.Invoke($"{part} stays: it has rows that are nowhere else. If it is not wanted, move it out of the folder.");
        var cache = await FeatureCache.OpenAsync(folder, staying, cancellationToken);
        var failed = 100.0 * _rejected.Count > settings.MaxRejected * images.Items.Count;
        var finished = record with
        {
            Complete = !failed && staying.Count == 0,
            Rejected = _rejected.Count,
            MaxRejected = failed ? settings.MaxRejected : null,
            Names = ExtractionRecord.NamesOf(cache?.Rows ?? []),
            Rows = (cache?.Rows ?? []).Select(r => (r.Path, r.View)).Distinct().Count(),
        };
        finished.Write(folder);

        bool IsWanted(CacheRow row) => !_rejected.Paths.Contains(row.Path) &&
            items[row.Path].Any(i => digests[i] == row.Sha256 && i.Label == row.Label && i.Split == row.Split);
    }

    /// <summary>Gives the rows that are there the layers that they lack.</summary>
    private async Task<AddedLayers?> AddLayersAsync(
        CacheContract contract, IReadOnlyList<string> doubtful, Func<int, IProgress<int>> progress, StageTimes times,
        CancellationToken cancellationToken)
    {
        if (await FeatureCache.OpenAsync(folder, doubtful, cancellationToken) is not { } cache
            || contract.Layers.All(cache.Contract.Layers.Contains))
        {
            // What a killed run began to add, and nobody wants any more.
            folder.Replacement.Discard();
            return null;
        }

        var addition = new LayerAddition(cache, images, network, folder, contract, settings, time);
        var added = await addition.RunAsync(say ?? (_ => { }), progress, times, cancellationToken);
        foreach (var (path, reason) in addition.Rejected.Images)
            _rejected.Add(path, reason, view: 1);
        return added;
    }

    /// <summary>This run's contract, once it is sure that the cache's is the same in what they share.</summary>
    private async Task<CacheContract> AgreeAsync(CancellationToken cancellationToken)
    {
        if (folder.ForeignPart is { } foreign)
        {
            throw new CommandException(
                $"{foreign} is not of {folder.Shard!.Count} shards. Go on with the number of shards that made the cache, " +
                "without --shard (which takes over all rows), or in a new folder.");
        }

        // The other shards' parts too: one shard with other views would be another cache.
        var parts = await FeatureCache.PeekContractsAsync(folder.Path, cancellationToken);
        var found = parts?.Common;
        var contract = Contract(found);
        if (found?.FirstDifferenceInOneCache(contract) is not { } difference)
        {
            return parts?.AllLayers.Except(contract.Layers).FirstOrDefault() is { } other
                ? throw new CommandException($"{folder.Path} has been given the layer {other.Name} by another run just now. Extract again.")
                : contract;
        }

        throw new CommandException($"{folder.Path} was made with {difference.Field} '{difference.Left}', but this run has " +
            $"'{difference.Right}' ({network.Model.Path}). " +
            (difference.Field.StartsWith("augmentation.", StringComparison.Ordinal)
                ? "Leave --seed out to go on with the cache's own views, or extract into a new folder with --out NEW."
                : difference.Field == "storage"
                    ? "Leave --store out to go on with the cache's own, or extract into a new folder with --out NEW."
                : "Extract into a new folder with --out NEW, or pass the model that the cache names ('extractor cache info')."));
    }

    private async Task WriteAsync(
        FeatureBatch batch, ExtractionPlan plan, ImageDigests digests, CacheWriter writer, IProgress<int> progress)
    {
        for (var i = 0; i < batch.Count; i++)
        {
            var slot = batch.Slots[i];
            if (await WriteRowAsync(slot.Item))
            {
                _computed.Add(slot.Item.Path);
                _computedRows++;
            }

            foreach (var duplicate in plan.Duplicates.GetValueOrDefault(new PlannedRow(slot.Item, slot.View), []))
            {
                if (slot.Image is { } image && image.Sha256 != digests[duplicate])
                    _rejected.Add(duplicate.Path, $"it had the same bytes as {slot.Item.Path}, which changed during the run; extract again",
                        slot.View);
                else if (await WriteRowAsync(duplicate))
                    _duplicates.Add(duplicate.Path);
            }

            async Task<bool> WriteRowAsync(ImageItem item)
            {
                if (slot.Image is not { } image)
                {
                    _rejected.Add(item.Path, slot.Rejection!, slot.View);
                    return false;
                }

                digests.Learn(item, image.Sha256);
                var row = new CacheRow(item.Path, item.Label, item.Split, image.Sha256, image.Width, image.Height, slot.View);
                await writer.AddAsync(row, batch.FeaturesOf(i));
                return true;
            }
        }

        progress.Report(batch.Count);
    }

    /// <param name="found">The cache's; null for a new one.</param>
    private CacheContract Contract(CacheContract? found)
    {
        var model = network.Model;
        var storage = settings.Storage ?? found?.Storage ?? LayerStorage.Floats;
        return new CacheContract
        {
            Model = model.Contract.Name,
            ModelSha256 = model.Sha256,
            ModelNote = model.Contract.Weights.Note,
            Preprocessing = model.Contract.Preprocessing,
            Augmentation = settings is { Views: > 0, Seed: { } seed } ? new Augmentation { Seed = seed }
                : settings.Views > 0 ? found?.Augmentation ?? new Augmentation { Seed = 0 }
                : found?.Augmentation,
            Precision = model.Contract.Precision,
            Layers = network.Layers,
            Storage = storage,
            Grids = storage == LayerStorage.Bytes ? ByteLayers.Of(model.Proto, network.Layers) : new Dictionary<string, ByteGrid>(),
            Provider = network.Provider.Name,
            Tf32 = network.Provider.Tf32,
            Tool = ToolVersion.Text,
            ImageFolder = Path.GetFullPath(images.Root),
        };
    }
}

/// <summary>How a run works, as opposed to what it computes.</summary>
/// <param name="BatchSize">Images that the network takes at once.</param>
/// <param name="Workers">Decoding workers.</param>
/// <param name="Rehash">Read every image file, also those whose size and time are as they were.</param>
/// <param name="Views">Augmented views of each image, at least: a cache that has more keeps them.</param>
/// <param name="Seed">Of the views. Null for the cache's own, and 0 for a cache that has none yet.</param>
/// <param name="Storage">How an int8 model's layers are stored. Null for the cache's own, and floats for a new cache.</param>
/// <param name="MaxRejected">The share of unusable images, in percent, above which the cache does not count as complete.</param>
internal sealed record ExtractionSettings(
    int BatchSize, int Workers, bool Rehash = false, int Views = 0, long? Seed = null, LayerStorage? Storage = null,
    double MaxRejected = 100);
