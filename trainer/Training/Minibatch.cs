using Headstart.Trainer.Features;
using static TorchSharp.torch;

namespace Headstart.Trainer.Training;

/// <summary>Gathers the rows of a batch into memory that is taken once.</summary>
/// <remarks>A row lies in one piece, so a gather is one copy a row: less than libtorch's index_select and a new tensor a step.</remarks>
/// <param name="source">Where the rows are; must live longer than this.</param>
/// <param name="capacity">The largest batch.</param>
/// <param name="device">Where the batch is wanted.</param>
internal sealed class Minibatch(FeatureSet source, int capacity, Device device) : IDisposable
{
    private readonly BatchMemory _memory = new(source.RowShape, capacity, device);

    /// <summary>The features of the rows, [rows, ...]. The caller disposes it; it is valid until the next call.</summary>
    public Tensor Gather(ReadOnlySpan<int> rows)
    {
        var destination = _memory.First(rows.Length);
        for (var i = 0; i < rows.Length; i++)
            source.Row(rows[i]).CopyTo(destination[(i * _memory.RowLength)..]);
        return _memory.Batch(rows.Length);
    }

    public void Dispose() => _memory.Dispose();
}
