using System.Collections.Concurrent;
using Headstart.Models;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Tensors;
using static TorchSharp.torch;

namespace Headstart.Trainer.Features;

/// <summary>Where a row's features go.</summary>
/// <param name="Target">As the head's fixed pieces leave them, contiguous [n, ...]; null for a row that nobody wants.</param>
/// <param name="Slot">Which of the target's rows.</param>
internal readonly record struct RowPlace(Tensor? Target, int Slot);

/// <summary>Reads row groups into tensors, as a head's fixed pieces leave them.</summary>
/// <remarks>
/// What fixed pieces compute (pooling, mostly) is computed row group by row group, so that only their output ever stays in memory: for
/// <c>gap</c> on
/// 7 x 7 features a 49th. May be called from several threads; each takes memory for one row group, which is kept for the next.
/// </remarks>
internal sealed class RowGroupReader : IDisposable
{
    private readonly ModelLayer _layer;
    private readonly Head? _head;
    private readonly bool _isAsStored;
    private readonly ConcurrentBag<Tensor> _scratch = [];

    /// <param name="layer">What to read.</param>
    /// <param name="head">The head that will read it; must live longer than this; null for the features as they are.</param>
    public RowGroupReader(ModelLayer layer, Head? head)
    {
        _layer = layer;
        _head = head;
        _isAsStored = head is null || head.Plan.Pieces.Take(head.Plan.FixedPieces).All(p => p.KeepsValues);
    }

    /// <summary>The shape of rows as they come out: [c] or [c, h, w].</summary>
    public long[] RowShape => Shape(_head?.Plan.Stored ?? _layer.Shape);

    /// <summary>Reads those rows of a group that are wanted.</summary>
    /// <param name="places">For each of the group's rows where it goes.</param>
    /// <param name="spill">Gives the rows if it has them, and gets the group's otherwise; null where a row is read only once.</param>
    /// <returns>The first wanted row, counted over all caches, with a value that is NaN or infinite; null when there is none.</returns>
    /// <exception cref="CommandException">The part can't be read.</exception>
    public async Task<int?> ReadAsync(JoinedRowGroup group, RowPlace[] places, SpillFile? spill, CancellationToken cancellationToken)
    {
        if (spill?.TryRead(group.FirstRow, places) == true)
            return null;
        if (_isAsStored && spill is null && IsOneStretch(places))
        {
            var memory = new TensorMemory(places[0].Target!, places[0].Slot, group.RowCount).Memory;
            await group.Cache.ReadAsync(group.Group, _layer.Name, memory, cancellationToken);
            return FirstBadRow(group, places, memory.Span);
        }

        var read = TakeScratch(group.RowCount);
        var raw = new TensorMemory(read, 0, group.RowCount).Memory;
        await group.Cache.ReadAsync(group.Group, _layer.Name, raw, cancellationToken);
        var bad = FirstBadRow(group, places, raw.Span);

        // Whoever wants a row that is not finite is to be told of it, also later.
        Distribute(read, places, group.FirstRow, spill is not null && FiniteValues.All(raw.Span) ? spill : null);
        _scratch.Add(read);
        return bad;
    }

    /// <summary>The error for a row that <see cref="ReadAsync"/> returned.</summary>
    public CommandException NotFinite(JoinedCache cache, int row) => new(
        $"{cache.Caches[cache.CacheOf(row)].Folder}: {cache.Rows[row].Path} has a value in {_layer.Name} that is not a finite number. " +
        "Look at the image and at the model, remove one or the other, and extract again.");

    public void Dispose()
    {
        foreach (var tensor in _scratch)
            tensor.Dispose();
    }

    // Memory that is given back and taken again for every group costs a page fault every 4 KiB.
    private Tensor TakeScratch(int rows)
    {
        if (_scratch.TryTake(out var kept))
        {
            if (kept.shape[0] >= rows)
                return kept;
            kept.Dispose();
        }

        return empty([rows, .. Shape(_layer.Shape)]).DetachFromDisposeScope();
    }

    private void Distribute(Tensor read, RowPlace[] places, int firstRow, SpillFile? spill)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var wanted = read.narrow(0, 0, places.Length);
        var reduced = _isAsStored ? wanted : _head!.Reduce(wanted).contiguous();
        for (var i = 0; i < places.Length; i++)
        {
            var row = new TensorMemory(reduced, i, 1).GetSpan();
            if (places[i].Target is { } target)
                row.CopyTo(new TensorMemory(target, places[i].Slot, 1).GetSpan());
            spill?.Add(firstRow + i, row);
        }
    }

    private int? FirstBadRow(JoinedRowGroup group, RowPlace[] places, ReadOnlySpan<float> values)
    {
        var length = _layer.Shape.Length;
        for (var i = 0; i < places.Length; i++)
        {
            if (places[i].Target is not null && !FiniteValues.All(values.Slice(i * length, length)))
                return group.FirstRow + i;
        }

        return null;
    }

    private static bool IsOneStretch(RowPlace[] places)
    {
        for (var i = 0; i < places.Length; i++)
        {
            if (places[i].Target is not { } target || !ReferenceEquals(target, places[0].Target) || places[i].Slot != places[0].Slot + i)
                return false;
        }

        return true;
    }

    private static long[] Shape(LayerShape shape) => shape.IsVector ? [shape.Channels] : [shape.Channels, shape.Height, shape.Width];
}
