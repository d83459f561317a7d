using Headstart.Training.Features;
using TorchSharp;
using static TorchSharp.torch;

namespace Headstart.Training;

/// <summary>Gathers the rows of a batch into memory that is taken once.</summary>
/// <remarks>A row lies in one piece, so a gather is one copy a row: less than libtorch's index_select and a new tensor a step.</remarks>
internal sealed class Minibatch : IDisposable
{
    private readonly FeatureSet source;
    private readonly Tensor features;
    private readonly TensorMemory memory;
    private readonly int rowLength;
    private readonly Device device;

    /// <param name="source">Where the rows are; must live longer than this.</param>
    /// <param name="capacity">The largest batch.</param>
    /// <param name="device">Where the batch is wanted.</param>
    public Minibatch(FeatureSet source, int capacity, Device device)
    {
        this.source = source;
        this.device = device;
        features = empty([capacity, .. source.Features.shape.Skip(1)]).DetachFromDisposeScope();
        memory = new TensorMemory(features, 0, capacity);
        rowLength = memory.Memory.Length / capacity;
    }

    /// <summary>The features of the rows, [rows, ...]. The caller disposes it; it is valid until the next call.</summary>
    public Tensor Gather(ReadOnlySpan<int> rows)
    {
        var destination = memory.GetSpan();
        for (var i = 0; i < rows.Length; i++)
            source.Row(rows[i]).CopyTo(destination[(i * rowLength)..]);
        var batch = features.narrow(0, 0, rows.Length);
        return device.type == DeviceType.CPU ? batch : batch.to(device, disposeAfter: true);
    }

    public void Dispose() => features.Dispose();
}
