using Headstart.Trainer.Features;
using Headstart.Trainer.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Headstart.Trainer.Training;

/// <summary>Memory for the features of a batch, taken once.</summary>
internal sealed class BatchMemory : IDisposable
{
    private readonly Tensor _features;
    private readonly TensorMemory _memory;
    private readonly Device _device;

    /// <param name="rowShape">Of an image's features, [c] or [c, h, w].</param>
    /// <param name="capacity">The largest batch.</param>
    /// <param name="device">Where the batch is wanted.</param>
    public BatchMemory(long[] rowShape, int capacity, Device device)
    {
        _device = device;
        _features = empty([capacity, .. rowShape]).DetachFromDisposeScope();
        _memory = new TensorMemory(_features, 0, capacity);
        RowLength = _memory.Memory.Length / capacity;
    }

    /// <summary>The number of values of an image.</summary>
    public int RowLength { get; }

    /// <summary>Where the values of the first images go.</summary>
    public Span<float> First(int images) => _memory.GetSpan()[..(images * RowLength)];

    /// <summary>The first images, [images, ...]. The caller disposes it; it is valid until their values are changed.</summary>
    public Tensor Batch(int images)
    {
        var batch = _features.narrow(0, 0, images);
        return _device.type == DeviceType.CPU ? batch : batch.to(_device, disposeAfter: true);
    }

    /// <summary>The next images of an epoch, [images, ...]. The caller disposes it; it is valid until the next call.</summary>
    /// <param name="labels">Gets their class indices; its length says how many there are to be.</param>
    public Tensor Take(EpochImages images, Span<int> labels)
    {
        images.Next(First(labels.Length), labels);
        return Batch(labels.Length);
    }

    public void Dispose() => _features.Dispose();
}
