using Headstart.Trainer.Tensors;
using static TorchSharp.torch;

namespace Headstart.Trainer.Features;

/// <summary>
/// Features of labelled images that stay on disk: read block by block in every pass, in shuffled blocks of row groups to learn from.
/// </summary>
/// <remarks>
/// What comes in which order is decided before anything is read, by the seed, the epoch and the size of a block; not by which reader is
/// faster. The images are numbered in the order of the caches.
/// </remarks>
internal sealed class StreamedFeatures : FeatureSource
{
    // In order nothing is gained by waiting for a large block.
    private const int GroupsInOrder = 4 * BlockPass.Readers;

    private readonly JoinedCache _cache;
    private readonly RowGroupReader _reader;
    private readonly SpillFile? _spill;
    private readonly BlockBuffers _buffers;
    private readonly int[][] _views;
    private readonly int[] _labelOfRow;

    private StreamedFeatures(JoinedCache cache, int[] labels, int[][] views, RowGroupReader reader, SpillFile? spill, BlockBuffers buffers)
        : base(labels)
    {
        _cache = cache;
        _views = views;
        _labelOfRow = new int[cache.Rows.Count];
        for (var i = 0; i < views.Length; i++)
        {
            foreach (var row in views[i])
                _labelOfRow[row] = labels[i];
        }

        _reader = reader;
        _spill = spill;
        _buffers = buffers;
    }

    public override long[] RowShape => _buffers.RowShape;

    /// <param name="cache">Where the features are.</param>
    /// <param name="chosen">Row numbers, the views of an image by view, as <see cref="RowSplit"/> has them.</param>
    /// <param name="classes">A row's label is its class's place in here.</param>
    /// <param name="reader">Reads them; the caller's.</param>
    /// <param name="spill">For rows of this cache, by their number; the caller's. Sources of one cache may share it. Null to read the cache
    /// in every pass.</param>
    /// <param name="buffers">With room for the chosen rows of any row group; the caller's. Sources may share them while one pass at a time
    /// is made.</param>
    public static StreamedFeatures Of(
        JoinedCache cache, IReadOnlyList<int> chosen, IReadOnlyList<string> classes, RowGroupReader reader, SpillFile? spill,
        BlockBuffers buffers)
    {
        var found = ImageViews.Of(cache.Rows, chosen, cache.CacheOf);
        var rowAt = new int[chosen.Count];
        for (var i = 0; i < chosen.Count; i++)
            rowAt[found.Slots[i]] = chosen[i];
        var views = Enumerable.Range(0, found.Images.Count)
            .Select(image => (int[])[found.Images[image], .. (found.OtherSlots?[image] ?? []).Select(slot => rowAt[slot])])
            .OrderBy(v => v[0])
            .ToArray();
        return new StreamedFeatures(cache, ClassIndex.Of(cache.Rows, [.. views.Select(v => v[0])], classes), views, reader, spill, buffers);
    }

    public override EpochImages Shuffled(long seed, int epoch, CancellationToken cancellationToken)
    {
        var rows = new int[Count];
        for (var i = 0; i < Count; i++)
            rows[i] = _views[i][ImageViews.Draw(_views[i].Length, seed, epoch, i)];
        Array.Sort(rows);
        var shares = Shares(rows);
        var blocks = BlockDeal.Deal([.. shares.Select(s => s.Rows.Length)], _buffers.Capacity, seed, epoch)
            .Select(groups => new Block([.. groups.Select(g => shares[g])]))
            .ToList();
        var pass = new BlockPass(_cache, _reader, _spill, _buffers, blocks, cancellationToken);
        return new Epoch(pass, blocks, _labelOfRow, seed, epoch);
    }

    public override IEnumerable<Tensor> InOrder(int batch, CancellationToken cancellationToken)
    {
        var blocks = new List<Block>();
        var open = new List<GroupShare>();
        foreach (var share in Shares([.. _views.Select(v => v[0])]))
        {
            if (open.Count == GroupsInOrder || (open.Count > 0 && open.Sum(s => s.Rows.Length) + share.Rows.Length > _buffers.Capacity))
            {
                blocks.Add(new Block([.. open]));
                open.Clear();
            }

            open.Add(share);
        }

        blocks.Add(new Block(open));
        using var pass = new BlockPass(_cache, _reader, _spill, _buffers, blocks, cancellationToken);
        foreach (var block in blocks)
        {
            var rows = pass.Next();
            for (var first = 0; first < block.RowCount; first += batch)
                yield return rows.narrow(0, first, Math.Min(batch, block.RowCount - first));
        }
    }

    protected override void Dispose(bool disposing)
    {
    }

    // Rows ascend, and groups cover all rows in order.
    private List<GroupShare> Shares(int[] rows)
    {
        var shares = new List<GroupShare>();
        var next = 0;
        foreach (var group in _cache.RowGroups)
        {
            var first = next;
            while (next < rows.Length && rows[next] < group.FirstRow + group.RowCount)
                next++;
            if (next > first)
                shares.Add(new GroupShare(group, rows.AsMemory(first, next - first)));
        }

        return shares;
    }

    private sealed class Epoch(BlockPass pass, List<Block> blocks, int[] labelOfRow, long seed, int epoch) : EpochImages
    {
        private int _nextBlock;
        private int _next;
        private int[] _order = [];
        private int[] _labels = [];
        private TensorRows? _rows;

        public override void Next(Span<float> destination, Span<int> labels)
        {
            var length = destination.Length / Math.Max(1, labels.Length);
            for (var i = 0; i < labels.Length; i++, _next++)
            {
                if (_next == _order.Length)
                    TakeBlock();
                _rows![_order[_next]].CopyTo(destination[(i * length)..]);
                labels[i] = _labels[_order[_next]];
            }
        }

        protected override void Dispose(bool disposing)
        {
            pass.Dispose();
            base.Dispose(disposing);
        }

        private void TakeBlock()
        {
            var block = blocks[_nextBlock];
            _rows = new TensorRows(pass.Next());
            _labels = [.. block.Shares.SelectMany(s => s.Rows.ToArray()).Select(r => labelOfRow[r])];
            _order = [.. Enumerable.Range(0, block.RowCount)];
            new SeededRandom(seed, "block", ((long)epoch << 32) | (uint)_nextBlock).Shuffle(_order.AsSpan());
            _next = 0;
            _nextBlock++;
        }
    }
}
