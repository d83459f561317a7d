using Headstart.Cache;
using Headstart.Models;
using Headstart.Trainer.Features;
using Headstart.Trainer.Tensors;
using static TorchSharp.torch;

namespace Headstart.Trainer.Audit;

/// <summary>The plain images of a cache, of all splits, and of each distinct one what the audit needs of its features.</summary>
internal sealed class AuditedImages : IDisposable
{
    // A row group being read takes about 100 MB with its levels.
    private const int MaximumReaders = 8;

    private AuditedImages(IReadOnlyList<CacheRow> rows, int[] distinct, int[] firstRow, Tensor pooled, Tensor sketches)
    {
        Rows = rows;
        Distinct = distinct;
        FirstRow = firstRow;
        Pooled = pooled;
        Sketches = sketches;
    }

    /// <summary>Ordered by path.</summary>
    public IReadOnlyList<CacheRow> Rows { get; }

    /// <summary>For each row the number of its distinct image: rows with equal bytes share one.</summary>
    public int[] Distinct { get; }

    /// <summary>For each distinct image the first of its rows.</summary>
    public int[] FirstRow { get; }

    /// <summary>Mean features over the picture, float32 [distinct images, channels].</summary>
    public Tensor Pooled { get; }

    /// <summary>bfloat16 [distinct images, channels, height, width]; see <see cref="FeatureSketch"/>.</summary>
    public Tensor Sketches { get; }

    /// <summary>Reads every part once; only what is kept of a row group stays in memory.</summary>
    /// <param name="cache">Read as it is, all splits.</param>
    /// <param name="layer">Which features.</param>
    /// <param name="seed">Of the sketches.</param>
    /// <param name="progress">Told of rows as they are read.</param>
    /// <exception cref="CommandException">No plain image, a feature that is not a number, or a part that can't be read.</exception>
    public static async Task<AuditedImages> LoadAsync(
        FeatureCache cache, ModelLayer layer, long seed, IProgress<int> progress, CancellationToken cancellationToken)
    {
        var numbers = Enumerable.Range(0, cache.Rows.Count).Where(r => cache.Rows[r].View == 0)
            .OrderBy(r => cache.Rows[r].Path, StringComparer.Ordinal).ToArray();
        if (numbers.Length == 0)
            throw new CommandException(
                $"{cache.Folder} has no plain images (view 0) to audit. Extract them: views come beside the plain image.");
        var known = new Dictionary<string, int>(StringComparer.Ordinal);
        var (distinct, firstRow, slots) = (new int[numbers.Length], new List<int>(), new int[cache.Rows.Count]);
        Array.Fill(slots, -1);
        for (var i = 0; i < numbers.Length; i++)
        {
            if (known.TryAdd(cache.Rows[numbers[i]].Sha256, firstRow.Count))
            {
                slots[numbers[i]] = firstRow.Count;
                firstRow.Add(i);
            }

            distinct[i] = known[cache.Rows[numbers[i]].Sha256];
        }

        using var sketch = new FeatureSketch(layer.Shape, seed);
        var pooled = empty([firstRow.Count, layer.Shape.Channels]).DetachFromDisposeScope();
        var sketches = empty([firstRow.Count, sketch.Channels, sketch.Height, sketch.Width], ScalarType.BFloat16).DetachFromDisposeScope();
        var images = new AuditedImages([.. numbers.Select(r => cache.Rows[r])], distinct, [.. firstRow], pooled, sketches);
        try
        {
            await images.ReadAsync(cache, layer, sketch, slots, progress, cancellationToken);
            return images;
        }
        catch
        {
            images.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        Pooled.Dispose();
        Sketches.Dispose();
    }

    private async Task ReadAsync(
        FeatureCache cache, ModelLayer layer, FeatureSketch sketch, int[] slots, IProgress<int> progress,
        CancellationToken cancellationToken)
    {
        var gate = new Lock();
        var firstBad = int.MaxValue;
        var groups = cache.RowGroups.Where(g => Enumerable.Range(g.FirstRow, g.RowCount).Any(r => slots[r] >= 0));
        var parallel = new ParallelOptions
        {
            MaxDegreeOfParallelism = Math.Min(Environment.ProcessorCount, MaximumReaders),
            CancellationToken = cancellationToken,
        };
        await Parallel.ForEachAsync(groups, parallel, async (group, token) =>
        {
            using var read = empty([group.RowCount, layer.Shape.Channels, layer.Shape.Height, layer.Shape.Width]).DetachFromDisposeScope();
            var memory = new TensorMemory(read, 0, group.RowCount).Memory;
            await cache.ReadAsync(group, layer.Name, memory, token);
            var bad = Enumerable.Range(0, group.RowCount).FirstOrDefault(
                i => slots[group.FirstRow + i] >= 0 && !FiniteValues.All(memory.Span.Slice(i * layer.Shape.Length, layer.Shape.Length)),
                -1);
            Keep(read, group, sketch, slots);
            lock (gate)
            {
                if (bad >= 0)
                    firstBad = Math.Min(firstBad, group.FirstRow + bad);
                progress.Report(group.RowCount);
            }
        });
        if (firstBad < int.MaxValue)
        {
            throw new CommandException(
                $"{cache.Folder}: {cache.Rows[firstBad].Path} has a value in {layer.Name} that is not a finite number. " +
                "Look at the image and at the model, remove one or the other, and extract again.");
        }
    }

    private void Keep(Tensor read, CacheRowGroup group, FeatureSketch sketch, int[] slots)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var kept = Enumerable.Range(0, group.RowCount).Where(i => slots[group.FirstRow + i] >= 0).ToArray();
        if (kept.Length == 0)
            return;
        var chosen = kept.Length == group.RowCount ? read : read.index_select(0, tensor(kept, ScalarType.Int64));
        var places = tensor(kept.Select(i => (long)slots[group.FirstRow + i]).ToArray());
        Pooled.index_copy_(0, places, chosen.mean([2, 3]));
        Sketches.index_copy_(0, places, sketch.Of(chosen).to(ScalarType.BFloat16));
    }
}
