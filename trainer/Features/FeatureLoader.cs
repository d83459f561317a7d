using Headstart.Cache;
using Headstart.CommandLine;
using Headstart.Models;
using Headstart.Training.Heads;
using static TorchSharp.torch;

namespace Headstart.Training.Features;

/// <summary>Reads rows of a cache into tensors: in parallel, straight into the tensor's memory, each row group once.</summary>
/// <remarks>
/// What a head's fixed pieces compute (pooling, mostly) is computed here, row group by row group, so that only their output ever
/// stays in memory: for <c>gap</c> on 7 x 7 features a 49th.
/// </remarks>
internal sealed class FeatureLoader
{
    // A row group being read takes about 100 MB with its levels; more readers than this gain nothing on one disk.
    private const int MaximumReaders = 8;

    private readonly FeatureCache _cache;
    private readonly ModelLayer _layer;
    private readonly Head? _head;
    private readonly bool _isAsStored;
    private readonly Lock _gate = new();
    private int _firstBadRow = int.MaxValue;

    /// <param name="cache">Where the features are.</param>
    /// <param name="layer">Which of them.</param>
    /// <param name="head">The head that will read them; null for the features as they are.</param>
    public FeatureLoader(FeatureCache cache, ModelLayer layer, Head? head)
    {
        _cache = cache;
        _layer = layer;
        _head = head;
        _isAsStored = head is null || head.Plan.Pieces.Take(head.Plan.FixedPieces).All(KeepsValues);
    }

    /// <summary>Loads selections of rows, each into a set of its own.</summary>
    /// <param name="classes">A row's label is its class's place in here.</param>
    /// <param name="selections">
    /// Row numbers; no row in two of them. The rows of one image (path, bytes, label and split) are its views, and the first of them in the selection stands for
    /// it. Each set has its images in the selection's order.
    /// </param>
    /// <param name="progress">Told of images as they are loaded.</param>
    /// <param name="cancellationToken">Stops between two row groups.</param>
    /// <returns>One set a selection; the caller owns them.</returns>
    /// <exception cref="CommandException">A feature is NaN or infinite (the message names the first row), or a part can't be read.</exception>
    public async Task<FeatureSet[]> LoadAsync(IReadOnlyList<string> classes, IReadOnlyList<int>[] selections, IProgress<int> progress, CancellationToken cancellationToken)
    {
        var sets = new List<FeatureSet>();
        try
        {
            var places = new (int Set, int Slot)[_cache.Rows.Count];
            Array.Fill(places, (-1, -1));
            var stored = _head?.Plan.Stored ?? _layer.Shape;
            var index = classes.Select((name, i) => (name, i)).ToDictionary(c => c.name, c => c.i, StringComparer.Ordinal);
            foreach (var rows in selections)
            {
                var views = ImageViews.Of(_cache.Rows, rows);
                for (var i = 0; i < rows.Count; i++)
                    places[rows[i]] = (sets.Count, views.Slots[i]);
                long[] shape = stored is { Height: 1, Width: 1 } ? [rows.Count, stored.Channels] : [rows.Count, stored.Channels, stored.Height, stored.Width];
                sets.Add(new FeatureSet(empty(shape).DetachFromDisposeScope(), [.. views.Images.Select(r => index[_cache.Rows[r].Label!])], views.OtherSlots));
            }

            var groups = _cache.RowGroups.Where(g => Enumerable.Range(g.FirstRow, g.RowCount).Any(r => places[r].Set >= 0));
            var parallel = new ParallelOptions { MaxDegreeOfParallelism = Math.Min(Environment.ProcessorCount, MaximumReaders), CancellationToken = cancellationToken };
            await Parallel.ForEachAsync(groups, parallel, async (group, token) =>
            {
                await LoadGroupAsync(group, places, sets, token).ConfigureAwait(false);
                lock (_gate)
                    progress.Report(group.RowCount);
            }).ConfigureAwait(false);
            if (_firstBadRow < int.MaxValue)
            {
                throw new CommandException($"{_cache.Folder}: {_cache.Rows[_firstBadRow].Path} has a value in {_layer.Name} that is not a finite number. " +
                    "Look at the image and at the model, remove one or the other, and extract again.");
            }

            return [.. sets];
        }
        catch
        {
            foreach (var set in sets)
                set.Dispose();
            throw;
        }
    }

    private async Task LoadGroupAsync(CacheRowGroup group, (int Set, int Slot)[] places, List<FeatureSet> sets, CancellationToken cancellationToken)
    {
        if (_isAsStored && IsOneStretch(group, places))
        {
            var (set, slot) = places[group.FirstRow];
            var memory = new TensorMemory(sets[set].Features, slot, group.RowCount).Memory;
            await _cache.ReadAsync(group, _layer.Name, memory, cancellationToken).ConfigureAwait(false);
            CheckFinite(group, places, memory.Span);
            return;
        }

        using var read = empty([group.RowCount, .. InputShape()]).DetachFromDisposeScope();
        var raw = new TensorMemory(read, 0, group.RowCount).Memory;
        await _cache.ReadAsync(group, _layer.Name, raw, cancellationToken).ConfigureAwait(false);
        CheckFinite(group, places, raw.Span);
        using var noGradient = no_grad();
        using var reduced = _isAsStored ? read.alias() : _head!.Reduce(read).contiguous();
        for (var i = 0; i < group.RowCount; i++)
        {
            var (set, slot) = places[group.FirstRow + i];
            if (set >= 0)
                new TensorMemory(reduced, i, 1).GetSpan().CopyTo(new TensorMemory(sets[set].Features, slot, 1).GetSpan());
        }
    }

    // Flattening moves nothing in memory, and pooling a vector changes nothing.
    internal static bool KeepsValues(PlannedPiece piece) => piece.Piece is Flatten || (piece.Piece is not L2Norm && piece.Input is { Height: 1, Width: 1 });

    private long[] InputShape() => _layer.Shape is { Height: 1, Width: 1 }
        ? [_layer.Shape.Channels]
        : [_layer.Shape.Channels, _layer.Shape.Height, _layer.Shape.Width];

    private static bool IsOneStretch(CacheRowGroup group, (int Set, int Slot)[] places)
    {
        var (set, slot) = places[group.FirstRow];
        for (var i = 0; i < group.RowCount; i++)
        {
            if (set < 0 || places[group.FirstRow + i] != (set, slot + i))
                return false;
        }

        return true;
    }

    // Every group is looked at even after a bad row, so that the row which is named does not depend on which reader was faster.
    private void CheckFinite(CacheRowGroup group, (int Set, int Slot)[] places, ReadOnlySpan<float> values)
    {
        var length = _layer.Shape.Length;
        for (var i = 0; i < group.RowCount; i++)
        {
            var row = group.FirstRow + i;
            if (places[row].Set < 0 || FiniteValues.All(values.Slice(i * length, length)))
                continue;
            lock (_gate)
                _firstBadRow = Math.Min(_firstBadRow, row);
            return;
        }
    }
}
