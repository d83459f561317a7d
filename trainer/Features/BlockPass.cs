using static TorchSharp.torch;

namespace Headstart.Trainer.Features;

/// <summary>Wanted rows of a row group.</summary>
/// <param name="Group">Which.</param>
/// <param name="Rows">Their numbers, ascending, counted over all caches; each is in the group.</param>
internal sealed record GroupShare(JoinedRowGroup Group, ReadOnlyMemory<int> Rows);

/// <summary>What is in memory at a time: row groups, one after the other.</summary>
internal sealed record Block(IReadOnlyList<GroupShare> Shares)
{
    public int RowCount { get; } = Shares.Sum(s => s.Rows.Length);
}

/// <summary>The two pieces of memory that blocks are read into by turns. One pass at a time may use them.</summary>
/// <param name="rowShape">Of an image's features.</param>
/// <param name="capacity">The rows of the largest block.</param>
internal sealed class BlockBuffers(long[] rowShape, int capacity) : IDisposable
{
    private readonly Tensor[] _buffers = [.. Enumerable.Range(0, 2).Select(_ => empty([capacity, .. rowShape]).DetachFromDisposeScope())];

    public long[] RowShape => rowShape;

    /// <summary>The rows of the largest block.</summary>
    public int Capacity => capacity;

    public Tensor this[int turn] => _buffers[turn % 2];

    public void Dispose()
    {
        foreach (var buffer in _buffers)
            buffer.Dispose();
    }
}

/// <summary>Goes through blocks: while one is used, other threads read the next.</summary>
internal sealed class BlockPass : IDisposable
{
    /// <summary>How many row groups are read at a time. Fixed, so that the memory they take does not depend on the machine.</summary>
    public const int Readers = 2;

    private readonly JoinedCache _cache;
    private readonly RowGroupReader _reader;
    private readonly SpillFile? _spill;
    private readonly BlockBuffers _buffers;
    private readonly IReadOnlyList<Block> _blocks;
    private readonly CancellationTokenSource _cancellation;
    private Task? _reading;
    private int _next;

    /// <param name="cache">Where the rows are.</param>
    /// <param name="reader">Reads them.</param>
    /// <param name="spill">Keeps them for the next pass; null to read the cache in each.</param>
    /// <param name="buffers">Used by nobody else until this is disposed.</param>
    /// <param name="blocks">None larger than the buffers.</param>
    /// <param name="cancellationToken">Ends waiting and reading.</param>
    public BlockPass(
        JoinedCache cache, RowGroupReader reader, SpillFile? spill, BlockBuffers buffers, IReadOnlyList<Block> blocks,
        CancellationToken cancellationToken)
    {
        _cache = cache;
        _reader = reader;
        _spill = spill;
        _buffers = buffers;
        _blocks = blocks;
        _cancellation = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        BeginReading();
    }

    /// <summary>
    /// The next block's rows, row after row. The block before it must not be used any more: its memory gets the one after.
    /// </summary>
    /// <exception cref="CommandException">A part can't be read, or a feature is NaN or infinite.</exception>
    public Tensor Next()
    {
        _reading!.GetAwaiter().GetResult();
        var block = _buffers[_next++];
        BeginReading();
        return block;
    }

    public void Dispose()
    {
        // Nobody may write into the buffers any more when the next pass begins.
        _cancellation.Cancel();
        try
        {
            _reading?.GetAwaiter().GetResult();
        }
        catch (Exception e) when (e is OperationCanceledException or CommandException)
        {
            // The pass was given up, and whatever it met with it.
        }

        _cancellation.Dispose();
    }

    private void BeginReading()
    {
        var (turn, token) = (_next, _cancellation.Token);
        _reading = turn < _blocks.Count ? Task.Run(() => ReadAsync(_blocks[turn], _buffers[turn], token), token) : null;
    }

    private async Task ReadAsync(Block block, Tensor target, CancellationToken cancellationToken)
    {
        var firstSlots = new int[block.Shares.Count];
        for (var i = 1; i < firstSlots.Length; i++)
            firstSlots[i] = firstSlots[i - 1] + block.Shares[i - 1].Rows.Length;
        var bad = new int?[block.Shares.Count];
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = Readers, CancellationToken = cancellationToken };
        await Parallel.ForAsync(0, block.Shares.Count, parallel, async (i, token) =>
        {
            var (group, rows) = block.Shares[i];
            var places = new RowPlace[group.RowCount];
            for (var r = 0; r < rows.Length; r++)
                places[rows.Span[r] - group.FirstRow] = new RowPlace(target, firstSlots[i] + r);
            bad[i] = await _reader.ReadAsync(group, places, _spill, token);
        });
        if (bad.Min() is { } row)
            throw _reader.NotFinite(_cache, row);
    }
}
