using Headstart.Cache;
using Headstart.Extraction.Planning;
using Headstart.Extraction.Runtime;
using Headstart.Images;
using Headstart.Models;

namespace Headstart.Extraction.Pipeline;

/// <summary>
/// Gives the rows of a cache the layers that they lack: from cached layers where the network allows, otherwise by one more pass over the
/// images.
/// </summary>
/// <remarks>
/// The rows are written anew with all columns, beside the cache, and take its place when the last one is there
/// (<see cref="CacheReplacement"/>): a reader sees the cache without the new layers or with them, and a killed run goes on where it
/// stopped. It takes as much room as both until then.
/// </remarks>
/// <param name="cache">Each of its rows belongs to an image of <paramref name="images"/>, with these bytes.</param>
/// <param name="images">The picture set.</param>
/// <param name="network">Computes all layers that the cache is to have, those it has among them.</param>
/// <param name="folder">Where the cache is.</param>
/// <param name="contract">Of the cache with the new layers.</param>
internal sealed class LayerAddition(
    FeatureCache cache, ImageSet images, BaseNetwork network, CacheFolder folder, CacheContract contract, ExtractionSettings settings,
    TimeProvider time)
{
    private readonly List<ModelLayer> _missing = [.. contract.Layers.Except(cache.Contract.Layers)];

    // Rows of the cache, by number.
    private readonly HashSet<int> _changed = [];

    /// <summary>Images whose rows were lost, because they are no longer what the cache has, with the reason.</summary>
    public RejectedImages Rejected { get; } = new();

    /// <param name="say">Told once where the layers come from.</param>
    /// <param name="progress">Given the number of rows to compute, returns where finished ones are reported.</param>
    public async Task<AddedLayers> RunAsync(
        Action<string> say, Func<int, IProgress<int>> progress, StageTimes times, CancellationToken cancellationToken)
    {
        var replacement = folder.Replacement;
        var done = await ResumeAsync(replacement, cancellationToken);
        int[] rows = [.. Enumerable.Range(0, cache.Rows.Count).Where(r => !done.Contains(cache.Rows[r]))];
        var writer = replacement.CreateWriter(contract, time);
        await using var _ = writer;
        var added = string.Join(", ", _missing.Select(l => l.Name));
        using var tail = LayerTail.TryLoad(network, cache.Contract.Layers, _missing, settings.BatchSize);
        string[] from = tail is null ? [] : [.. tail.Sources.Select(l => l.Name)];
        say(tail is null
            ? $"Adding {added}: one more pass over {rows.Length:N0} rows' images, because the layers in the cache don't lead there."
            : $"Adding {added} to {rows.Length:N0} rows, computed from the cache's {string.Join(", ", from)}; no image is read.");
        try
        {
            if (tail is null)
                await FromImagesAsync(rows, writer, progress(rows.Length), times, cancellationToken);
            else
                await FromLayersAsync(tail, rows, writer, progress(rows.Length), cancellationToken);
        }
        catch (OperationCanceledException)
        {
            await writer.FlushAsync();
            throw;
        }

        await writer.FlushAsync();
        times.Add(Stage.Write, writer.Worked);
        await CompleteAsync(replacement, cancellationToken);
        return new AddedLayers([.. _missing.Select(l => l.Name)], from, cache.Rows.Count);
    }

    /// <summary>
    /// Rows of images that are no longer what the cache has are dropped by name first: all others must be in the new parts.
    /// </summary>
    private async Task CompleteAsync(CacheReplacement replacement, CancellationToken cancellationToken)
    {
        var parts = cache.RowGroups.Select(g => g.PartPath).Distinct(StringComparer.Ordinal).ToList();
        if (_changed.Count > 0)
        {
            await CachePruning.RemoveAsync(cache, _changed, cancellationToken);
            parts.RemoveAll(p => !File.Exists(p));
        }

        replacement.Complete(parts);
    }

    /// <summary>What a killed run has left: the rows that are still the cache's, with the columns that this run wants.</summary>
    private async Task<HashSet<CacheRow>> ResumeAsync(CacheReplacement replacement, CancellationToken cancellationToken)
    {
        replacement.CleanUp();
        if (await FeatureCache.OpenAsync(replacement.Folder, cancellationToken) is not { } begun)
            return [];
        if (begun.PartialLayers.Count > 0 || !begun.Contract.Layers.SequenceEqual(contract.Layers)
            || begun.Contract.FirstDifferenceInOneCache(contract) is not null)
        {
            replacement.Discard();
            return [];
        }

        var wanted = cache.Rows.ToHashSet();
        var stale = Enumerable.Range(0, begun.Rows.Count).Where(r => !wanted.Contains(begun.Rows[r])).ToHashSet();
        await CachePruning.RemoveAsync(begun, stale, cancellationToken);
        return [.. begun.Rows.Where(wanted.Contains)];
    }

    private async Task FromLayersAsync(
        LayerTail tail, int[] rows, CacheWriter writer, IProgress<int> progress, CancellationToken cancellationToken)
    {
        var columns = new CachedColumns(cache);
        var groups = from row in rows
                     group row by cache.RowGroups.First(g => row < g.FirstRow + g.RowCount) into ofGroup
                     from chunk in ofGroup.Chunk(tail.BatchSize)
                     select chunk;
        foreach (var chunk in groups)
        {
            cancellationToken.ThrowIfCancellationRequested();
            await columns.LoadAsync(chunk[0], cancellationToken);
            for (var source = 0; source < tail.Sources.Count; source++)
            {
                for (var i = 0; i < chunk.Length; i++)
                    columns.Of(tail.Sources[source].Name, chunk[i]).Span.CopyTo(tail.Input(source, i));
            }

            await Task.Run(tail.Run, cancellationToken);
            for (var i = 0; i < chunk.Length; i++)
                await WriteAsync(chunk[i], columns, layer => tail.Output(layer, i), writer);
            progress.Report(chunk.Length);
        }
    }

    private async Task FromImagesAsync(
        int[] rows, CacheWriter writer, IProgress<int> progress, StageTimes times, CancellationToken cancellationToken)
    {
        using var missing = BaseNetwork.Load(network.Model, [.. _missing.Select(l => l.Name)], network.Device, network.Threads);
        var items = images.Items.ToLookup(i => i.Path, StringComparer.Ordinal);
        var columns = new CachedColumns(cache);
        var next = 0;
        PlannedRow[] planned = [.. rows.Select(r => new PlannedRow(items[cache.Rows[r].Path].First(), cache.Rows[r].View))];
        await new FeaturePipeline(missing, settings.BatchSize, settings.Workers, times, contract.Augmentation)
            .RunAsync(planned, WriteBatchAsync, cancellationToken);

        async Task WriteBatchAsync(FeatureBatch batch)
        {
            for (var i = 0; i < batch.Count; i++)
            {
                var row = rows[next++];
                var slot = batch.Slots[i];
                if (slot.Image?.Sha256 != cache.Rows[row].Sha256)
                {
                    _changed.Add(row);
                    Rejected.Add(slot.Item.Path, slot.Rejection ?? "it changed during the run; extract again", slot.View);
                    continue;
                }

                await columns.LoadAsync(row, cancellationToken);
                var features = batch.FeaturesOf(i);
                await WriteAsync(row, columns, layer => features[layer], writer);
            }

            progress.Report(batch.Count);
        }
    }

    /// <param name="added">The values of the missing layer of this number.</param>
    private Task WriteAsync(int row, CachedColumns columns, Func<int, ReadOnlyMemory<float>> added, CacheWriter writer) =>
        writer.AddAsync(
            cache.Rows[row], [.. contract.Layers.Select(l => _missing.IndexOf(l) is >= 0 and var i ? added(i) : columns.Of(l.Name, row))]);
}

/// <summary>Layers that a run gave to rows that were there.</summary>
/// <param name="Layers">Their names.</param>
/// <param name="From">The cached layers that they were computed from; empty where the images were read once more.</param>
/// <param name="Rows">The rows of the cache that they were added to.</param>
internal sealed record AddedLayers(IReadOnlyList<string> Layers, IReadOnlyList<string> From, int Rows);
