using System.Diagnostics;
using Headstart.Cache;
using Headstart.CommandLine;
using Headstart.Images;

namespace Headstart.Extraction.Pipeline;

/// <summary>One run of <c>extract</c>: brings a cache up to date with a picture set.</summary>
internal sealed class ExtractionRun(ImageSet images, BaseNetwork network, string folder, int batchSize, int workers, TimeProvider time)
{
    private readonly RejectedImages _rejected = new();

    /// <summary>Computes what is new or changed, drops what is gone, keeps the rest.</summary>
    /// <param name="progress">Told of each batch's images once they are with the writer.</param>
    /// <param name="cancellationToken">Ends the run early; the rows computed so far are written.</param>
    /// <exception cref="CommandException">A cache of another contract, or held by another process, or a folder that can't be written.</exception>
    public async Task<ExtractionResult> RunAsync(Func<int, IProgress<int>> progress, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        var contract = Contract();
        using var cacheLock = CacheLock.Acquire(folder, time);
        var plan = await PlanAsync(contract, cancellationToken).ConfigureAwait(false);

        var pipeline = new FeaturePipeline(network, batchSize, workers);
        var writer = new CacheWriter(folder, contract, time);
        var counter = progress(plan.Compute.Count);
        var computing = Stopwatch.GetTimestamp();
        try
        {
            await pipeline.RunAsync(plan.Compute, batch => WriteAsync(batch, writer, counter), cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            await writer.FlushAsync().ConfigureAwait(false);
            throw;
        }

        await writer.FlushAsync().ConfigureAwait(false);
        var computed = plan.Compute.Count - _rejected.Count;
        var seconds = Stopwatch.GetElapsedTime(computing).TotalSeconds;
        return new ExtractionResult
        {
            Images = images.Items.Count,
            Computed = computed,
            Reused = plan.Reused,
            Removed = plan.Removed,
            Rejected = _rejected.Count,
            RejectedFile = _rejected.Write(folder),
            Seconds = Stopwatch.GetElapsedTime(start).TotalSeconds,
            ImagesPerSecond = computed == 0 ? 0 : computed / seconds,
            StageSeconds = new StageSeconds(pipeline.Times.DecodeSeconds, pipeline.Times.InferSeconds, pipeline.Times.WriteSeconds),
            Layers = network.Layers.ToDictionary(l => l.Name, l => l.Shape),
            Classes = images.Classes,
            PeakMemoryBytes = PeakMemory.Bytes(),
        };
    }

    private async Task<ExtractionPlan> PlanAsync(CacheContract contract, CancellationToken cancellationToken)
    {
        if (!FeatureCache.Exists(folder))
            return ExtractionPlan.ForEmptyCache(images);
        var cache = await FeatureCache.OpenAsync(folder, cancellationToken).ConfigureAwait(false);
        if (cache.Contract.FirstDifference(contract) is { } difference)
        {
            throw new CommandException($"{folder} was made with {difference.Field} '{difference.Left}', but this run has '{difference.Right}' ({network.Model.Path}). " +
                "Extract into a new folder with --out NEW, or pass the model and layers that the cache names ('extractor cache info').");
        }

        var plan = ExtractionPlan.Compare(images, cache, workers, cancellationToken);
        await CachePruning.RemoveAsync(cache, plan.Stale, cancellationToken).ConfigureAwait(false);
        return plan;
    }

    private async Task WriteAsync(FeatureBatch batch, CacheWriter writer, IProgress<int> progress)
    {
        for (var i = 0; i < batch.Count; i++)
        {
            var slot = batch.Slots[i];
            if (slot.Image is { } image)
            {
                var row = new CacheRow(slot.Item.Path, slot.Item.Label, slot.Item.Split, image.Sha256, image.Width, image.Height, View: 0);
                await writer.AddAsync(row, batch.FeaturesOf(i)).ConfigureAwait(false);
            }
            else
            {
                _rejected.Add(slot.Item.Path, slot.Rejection!);
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
