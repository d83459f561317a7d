using System.Diagnostics;
using Headstart.Cache;
using Headstart.CommandLine;
using Headstart.Extraction.Planning;
using Headstart.Images;

namespace Headstart.Extraction.Pipeline;

/// <summary>One run of <c>extract</c>: brings a cache up to date with a picture set.</summary>
internal sealed class ExtractionRun(ImageSet images, BaseNetwork network, CacheFolder folder, ExtractionSettings settings, TimeProvider time)
{
    private readonly RejectedImages _rejected = new();
    private int _duplicates;

    /// <summary>Computes what is new or changed, drops what is gone, keeps the rest.</summary>
    /// <param name="progress">Given the number of images to compute, returns where finished ones are reported.</param>
    /// <param name="cancellationToken">Ends the run early; the rows computed so far are written.</param>
    /// <exception cref="CommandException">A cache of another contract, or held by another process, or a folder that can't be written.</exception>
    public async Task<ExtractionResult> RunAsync(Func<int, IProgress<int>> progress, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        var contract = Contract();
        using var cacheLock = CacheLock.Acquire(folder, time);
        var cache = await OpenAsync(contract, cancellationToken).ConfigureAwait(false);
        var digests = ImageDigests.Take(images, folder.DigestMemory, settings.Rehash, settings.Workers, time, cancellationToken);
        var plan = ExtractionPlan.Make(images, digests, cache?.Rows ?? []);
        var writer = new CacheWriter(folder, contract, time);
        if (cache is not null)
        {
            // Copied before it is dropped: killed in between, the next run finds both and drops the old row.
            await FeatureCopy.RunAsync(cache, plan.Copy, writer, cancellationToken).ConfigureAwait(false);
            await CachePruning.RemoveAsync(cache, plan.Stale, cancellationToken).ConfigureAwait(false);
        }

        var pipeline = new FeaturePipeline(network, settings.BatchSize, settings.Workers);
        var counter = progress(plan.Compute.Count);
        var computing = Stopwatch.GetTimestamp();
        try
        {
            await pipeline.RunAsync(plan.Compute, batch => WriteAsync(batch, plan, digests, writer, counter), cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            await writer.FlushAsync().ConfigureAwait(false);
            _rejected.Write(folder.RejectedFile);
            throw;
        }

        await writer.FlushAsync().ConfigureAwait(false);
        var seconds = Stopwatch.GetElapsedTime(computing).TotalSeconds;
        var computed = images.Items.Count - plan.Kept - plan.Copy.Count - _duplicates - _rejected.Count;
        return new ExtractionResult
        {
            Images = images.Items.Count,
            Computed = computed,
            Reused = plan.Kept + plan.Copy.Count,
            Moved = plan.Moved,
            Duplicates = _duplicates,
            Removed = plan.Removed,
            Rejected = _rejected.Count,
            RejectedFile = _rejected.Write(folder.RejectedFile),
            Seconds = Stopwatch.GetElapsedTime(start).TotalSeconds,
            ComputeSeconds = seconds,
            ImagesPerSecond = computed == 0 ? 0 : computed / seconds,
            StageSeconds = StageSeconds.Of(pipeline.Times),
            Layers = network.Layers.ToDictionary(l => l.Name, l => l.Shape),
            Classes = images.Classes,
            PeakMemoryBytes = PeakMemory.Bytes(),
        };
    }

    private async Task<FeatureCache?> OpenAsync(CacheContract contract, CancellationToken cancellationToken)
    {
        if (folder.ForeignPart is { } foreign)
        {
            throw new CommandException($"{foreign} is not of {folder.Shard!.Count} shards. Go on with the number of shards that made the cache, " +
                "without --shard (which takes over all rows), or in a new folder.");
        }

        if (await FeatureCache.PeekContractAsync(folder.Path, cancellationToken).ConfigureAwait(false) is { } found && found.FirstDifference(contract) is { } difference)
        {
            throw new CommandException($"{folder.Path} was made with {difference.Field} '{difference.Left}', but this run has '{difference.Right}' ({network.Model.Path}). " +
                "Extract into a new folder with --out NEW, or pass the model and layers that the cache names ('extractor cache info').");
        }

        return await FeatureCache.OpenAsync(folder, cancellationToken).ConfigureAwait(false);
    }

    private async Task WriteAsync(FeatureBatch batch, ExtractionPlan plan, ImageDigests digests, CacheWriter writer, IProgress<int> progress)
    {
        for (var i = 0; i < batch.Count; i++)
        {
            var slot = batch.Slots[i];
            await WriteRowAsync(slot.Item).ConfigureAwait(false);
            foreach (var duplicate in plan.Duplicates.GetValueOrDefault(slot.Item.Path, []))
            {
                if (slot.Image is { } image && image.Sha256 != digests[duplicate])
                    _rejected.Add(duplicate.Path, $"it had the same bytes as {slot.Item.Path}, which changed during the run; extract again");
                else if (await WriteRowAsync(duplicate).ConfigureAwait(false))
                    _duplicates++;
            }

            async Task<bool> WriteRowAsync(ImageItem item)
            {
                if (slot.Image is not { } image)
                {
                    _rejected.Add(item.Path, slot.Rejection!);
                    return false;
                }

                var row = new CacheRow(item.Path, item.Label, item.Split, image.Sha256, image.Width, image.Height, View: 0);
                await writer.AddAsync(row, batch.FeaturesOf(i)).ConfigureAwait(false);
                return true;
            }
        }

        progress.Report(batch.Count);
    }

    private CacheContract Contract()
    {
        var model = network.Model;
        return new CacheContract
        {
            Model = model.Contract.Name,
            ModelSha256 = model.Sha256,
            ModelNote = model.Contract.Weights.Note,
            Preprocessing = model.Contract.Preprocessing,
            Precision = model.Contract.Precision,
            Layers = network.Layers,
            Provider = network.Provider.Name,
            Tool = ToolVersion.Text,
        };
    }
}

/// <summary>How a run works, as opposed to what it computes.</summary>
/// <param name="BatchSize">Images that the network takes at once.</param>
/// <param name="Workers">Decoding workers.</param>
/// <param name="Rehash">Read every image file, also those whose size and time are as they were.</param>
internal sealed record ExtractionSettings(int BatchSize, int Workers, bool Rehash = false);
