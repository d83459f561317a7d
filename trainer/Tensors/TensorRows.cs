using static TorchSharp.torch;

namespace Headstart.Trainer.Tensors;

/// <summary>The rows of a float32 tensor in main memory, one span each: a tensor may hold more values than one span can.</summary>
/// <param name="tensor">Contiguous float32 [n, ...] on the CPU; must live longer than this.</param>
internal sealed unsafe class TensorRows(Tensor tensor)
{
    private readonly float* _first = TensorMemory.First(tensor);
    private readonly int _length = checked((int)TensorMemory.RowLength(tensor));
    private readonly long _rows = tensor.shape[0];

    /// <summary>The values of one row; valid while the tensor is.</summary>
    public ReadOnlySpan<float> this[int row]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((ulong)row, (ulong)_rows, nameof(row));
            return new(_first + ((long)row * _length), _length);
        }
    }
}
