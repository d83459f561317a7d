using static TorchSharp.torch;

namespace Headstart.Training.Features;

/// <summary>Features of labelled images, in memory.</summary>
internal sealed unsafe class FeatureSet : IDisposable
{
    private readonly float* _first;
    private readonly int _rowLength;

    /// <param name="features">Contiguous float32 [n, c] or [n, c, h, w] on the CPU; this set owns it from now on.</param>
    /// <param name="labels">One class index a row.</param>
    public FeatureSet(Tensor features, int[] labels)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(features.shape[0], labels.Length, nameof(labels));
        Features = features;
        Labels = labels;
        _first = TensorMemory.First(features);
        _rowLength = checked((int)TensorMemory.RowLength(features));
    }

    public Tensor Features { get; }

    public int[] Labels { get; }

    public int Count => Labels.Length;

    /// <summary>The values of one row; valid while this set is not disposed.</summary>
    public ReadOnlySpan<float> Row(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count, nameof(index));
        return new(_first + ((long)index * _rowLength), _rowLength);
    }

    public void Dispose() => Features.Dispose();
}
