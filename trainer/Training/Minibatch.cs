using Headstart.Training.Features;
using TorchSharp;
using static TorchSharp.torch;

namespace Headstart.Training;

/// <summary>Gathers the rows of a batch into memory that is taken once.</summary>
/// <remarks>A row lies in one piece, so a gather is one copy a row: less than libtorch's index_select and a new tensor a step.</remarks>
internal sealed class Minibatch : IDisposable
{
    private readonly FeatureSet _source;
    private readonly Tensor _features;
    private readonly TensorMemory _memory;
    private readonly int _rowLength;
    private readonly Device _device;

    /// <param name="source">Where the rows are; must live longer than this.</param>
    /// <param name="capacity">The largest batch.</param>
    /// <param name="device">Where the batch is wanted.</param>
    public Minibatch(FeatureSet source, int capacity, Device device)
    {
        _source = source;
        _device = device;
        _features = empty([capacity, .. source.Features.shape.Skip(1)]).DetachFromDisposeScope();
        _memory = new TensorMemory(_features, 0, capacity);
        _rowLength = _memory.Memory.Length / capacity;
    }

    /// <summary>The features of the rows, [rows, ...]. The caller disposes it; it is valid until the next call.</summary>
    public Tensor Gather(ReadOnlySpan<int> rows)
    {
        var destination = _memory.GetSpan();
        for (var i = 0; i < rows.Length; i++)
            _source.Row(rows[i]).CopyTo(destination[(i * _rowLength)..]);
        var batch = _features.narrow(0, 0, rows.Length);
        return _device.type == DeviceType.CPU ? batch : batch.to(_device, disposeAfter: true);
    }

    public void Dispose() => _features.Dispose();
}
