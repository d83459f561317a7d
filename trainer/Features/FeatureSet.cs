using static TorchSharp.torch;

namespace Headstart.Training.Features;

/// <summary>Features of labelled images, in memory: of each image its plain view, and augmented views where the cache has them.</summary>
/// <remarks>The first <see cref="Count"/> rows are the images, in order; what reads no further sees a set without views.</remarks>
internal sealed unsafe class FeatureSet : IDisposable
{
    private readonly float* _first;
    private readonly int _rowLength;
    private readonly int _rows;
    private readonly int[][]? _otherViews;

    /// <param name="features">Contiguous float32 [n, c] or [n, c, h, w] on the CPU; this set owns it from now on.</param>
    /// <param name="labels">One class index an image.</param>
    /// <param name="otherViews">For each image the rows, from <see cref="Count"/> on, that hold its other views. Null where no image has any: n is then the number of images.</param>
    public FeatureSet(Tensor features, int[] labels, int[][]? otherViews = null)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(features.shape[0], labels.Length + (otherViews?.Sum(v => v.Length) ?? 0), nameof(labels));
        Features = features;
        Labels = labels;
        _otherViews = otherViews;
        _rows = checked((int)features.shape[0]);
        _first = TensorMemory.First(features);
        _rowLength = checked((int)TensorMemory.RowLength(features));
    }

    /// <summary>All rows: the images, then their other views.</summary>
    public Tensor Features { get; }

    /// <summary>One class index an image.</summary>
    public int[] Labels { get; }

    /// <summary>The number of images.</summary>
    public int Count => Labels.Length;

    /// <summary>The values of one row; valid while this set is not disposed.</summary>
    public ReadOnlySpan<float> Row(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)_rows, nameof(index));
        return new(_first + ((long)index * _rowLength), _rowLength);
    }

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
            var drawn = others.Length == 0 ? 0 : new SeededRandom(seed, "view", ((long)epoch << 32) | (uint)image).NextBelow(others.Length + 1);
            rows[i] = drawn == 0 ? image : others[drawn - 1];
        }
    }

    public void Dispose() => Features.Dispose();
}
