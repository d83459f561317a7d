using Headstart.Trainer.Features;

namespace Headstart.Trainer.Sweeps;

/// <summary>
/// In which order stacked heads see the images of an epoch: each in that of its own seed. Heads with the same seed share one.
/// </summary>
internal sealed class StackOrders
{
    private readonly FeatureSet _train;
    private readonly long[] _seeds;
    private readonly int[][] _rows;
    private readonly int[][] _labels;
    private readonly int[] _gathered;

    /// <param name="seeds">Of each head.</param>
    /// <param name="train">The images.</param>
    public StackOrders(IReadOnlyList<long> seeds, FeatureSet train)
    {
        _train = train;
        var bySeed = Enumerable.Range(0, seeds.Count).GroupBy(i => seeds[i]).ToList();
        Members = [.. bySeed.SelectMany(g => g)];

        // A tensor needs as many heads in each order; where they are not equally many, each head has its own.
        _seeds =
            bySeed.Select(g => g.Count()).Distinct().Count() == 1 ? [.. bySeed.Select(g => g.Key)] : [.. Members.Select(i => seeds[i])];
        _rows = [.. _seeds.Select(_ => new int[train.Count])];
        _labels = [.. _seeds.Select(_ => new int[train.Count])];
        _gathered = new int[_seeds.Length * train.Count];
    }

    /// <summary>How many orders there are.</summary>
    public int Count => _seeds.Length;

    /// <summary>The heads in the order in which they are to be stacked: those with one seed side by side.</summary>
    public int[] Members { get; }

    /// <summary>For each stacked head, the classes of the epoch's images in its order.</summary>
    public IReadOnlyList<int[]> LabelsOfMembers =>
        [.. Enumerable.Range(0, Members.Length).Select(k => _labels[k / (Members.Length / Count)])];

    /// <summary>Draws the orders of an epoch, each as a head alone would.</summary>
    /// <param name="epoch">From 1.</param>
    public void Begin(int epoch)
    {
        var order = new int[_train.Count];
        for (var s = 0; s < Count; s++)
        {
            for (var i = 0; i < order.Length; i++)
                order[i] = i;
            new SeededRandom(_seeds[s], "shuffle", epoch).Shuffle(order.AsSpan());
            for (var i = 0; i < order.Length; i++)
                _labels[s][i] = _train.Labels[order[i]];
            _train.DrawViews(order, _seeds[s], epoch, _rows[s]);
        }
    }

    /// <summary>The rows of one batch, order after order.</summary>
    public ReadOnlySpan<int> Rows(int first, int count)
    {
        for (var s = 0; s < Count; s++)
            _rows[s].AsSpan(first, count).CopyTo(_gathered.AsSpan(s * count));
        return _gathered.AsSpan(0, Count * count);
    }
}
