using Headstart.Trainer.Tensors;
using static TorchSharp.torch;

namespace Headstart.Trainer.Features;

/// <summary>Features of labelled images, in memory: of each image its plain view, and augmented views where the cache has them.</summary>
/// <remarks>
/// The first <see cref="FeatureSource.Count"/> rows are the images, in order; what reads no further sees a set without views.
/// </remarks>
internal sealed class FeatureSet : FeatureSource
{
    private readonly TensorRows _rows;
    private readonly int[][]? _otherViews;

    /// <param name="features">Contiguous float32 [n, c] or [n, c, h, w] on the CPU; this set owns it from now on.</param>
    /// <param name="labels">One class index an image.</param>
    /// <param name="otherViews">For each image the rows, behind those of the images, that hold its other views. Null where no image has
    /// any: n is then the number of images.</param>
    public FeatureSet(Tensor features, int[] labels, int[][]? otherViews = null)
        : base(labels)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(
            features.shape[0], labels.Length + (otherViews?.Sum(v => v.Length) ?? 0), nameof(labels));
        Features = features;
        _rows = new TensorRows(features);
        _otherViews = otherViews;
    }

    /// <summary>All rows: the images, then their other views.</summary>
    public Tensor Features { get; }

    public override long[] RowShape => Features.shape[1..];

    /// <summary>The values of one row; valid while this set is not disposed.</summary>
    public ReadOnlySpan<float> Row(int index) => _rows[index];

    /// <summary>Draws one view of each image for an epoch, all of an image's views equally likely, the plain one among them.</summary>
    /// <param name="images">Which images, in any order; the order decides nothing.</param>
    /// <param name="seed">Decides, with the epoch and the image.</param>
    /// <param name="epoch">From 1.</param>
    /// <param name="rows">Gets a row number for each of the images; may be the same memory.</param>
    public void DrawViews(ReadOnlySpan<int> images, long seed, int epoch, Span<int> rows)
    {
        for (var i = 0; i < images.Length; i++)
        {
            var image = images[i];
            var others = _otherViews?[image] ?? [];
            var drawn = ImageViews.Draw(1 + others.Length, seed, epoch, image);
            rows[i] = drawn == 0 ? image : others[drawn - 1];
        }
    }

    public override EpochImages Shuffled(long seed, int epoch, CancellationToken cancellationToken)
    {
        var order = new int[Count];
        for (var i = 0; i < order.Length; i++)
            order[i] = i;
        new SeededRandom(seed, "shuffle", epoch).Shuffle(order.AsSpan());
        var rows = new int[Count];
        DrawViews(order, seed, epoch, rows);
        return new Epoch(this, order, rows);
    }

    public override IEnumerable<Tensor> InOrder(int batch, CancellationToken cancellationToken)
    {
        for (var first = 0; first < Count; first += batch)
            yield return Features.narrow(0, first, Math.Min(batch, Count - first));
    }

    protected override void Dispose(bool disposing) => Features.Dispose();

    private sealed class Epoch(FeatureSet set, int[] order, int[] rows) : EpochImages
    {
        private int _next;

        public override void Next(Span<float> destination, Span<int> labels)
        {
            var length = destination.Length / Math.Max(1, labels.Length);
            for (var i = 0; i < labels.Length; i++, _next++)
            {
                set.Row(rows[_next]).CopyTo(destination[(i * length)..]);
                labels[i] = set.Labels[order[_next]];
            }
        }
    }
}
