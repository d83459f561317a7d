using Headstart.Trainer.Features;
using Headstart.Trainer.Training;
using static TorchSharp.torch;

namespace Headstart.Trainer.FineTuning;

/// <summary>Features of the layer before the tuned part, in memory.</summary>
/// <param name="features">Owned by this from now on.</param>
/// <param name="seed">With the epoch decides which of an image's cached views is seen.</param>
/// <param name="device">Where batches are wanted.</param>
internal sealed class CachedRows(FeatureSet features, long seed, Device device) : TuningRows(features.Labels)
{
    private Minibatch? _minibatch;
    private int _capacity;

    public override IEnumerable<Tensor> Batches(int[] order, IReadOnlyList<int> sizes, int epoch, CancellationToken cancellationToken)
    {
        var rows = order;
        if (epoch > 0)
        {
            rows = new int[order.Length];
            features.DrawViews(order, seed, epoch, rows);
        }

        var first = 0;
        foreach (var size in sizes)
        {
            using var batch = Memory(size).Gather(rows.AsSpan(first, size));
            yield return batch;
            first += size;
        }
    }

    protected override void Dispose(bool disposing)
    {
        _minibatch?.Dispose();
        features.Dispose();
        base.Dispose(disposing);
    }

    private Minibatch Memory(int size)
    {
        if (size <= _capacity)
            return _minibatch!;
        _minibatch?.Dispose();
        _capacity = size;
        return _minibatch = new Minibatch(features, size, device);
    }
}
