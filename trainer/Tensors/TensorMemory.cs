using System.Buffers;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Headstart.Trainer.Tensors;

/// <summary>
/// The values of a float32 tensor in main memory, seen as .NET memory: what is written here is in the tensor, without a copy.
/// </summary>
/// <remarks>The tensor must live longer than anything taken from here. Nothing is pinned, because libtorch's memory doesn't move.</remarks>
internal sealed unsafe class TensorMemory : MemoryManager<float>
{
    private readonly Tensor _tensor;
    private readonly float* _start;
    private readonly int _length;

    /// <param name="tensor">Contiguous float32 [n, ...] on the CPU.</param>
    /// <param name="row">The first row of the stretch.</param>
    /// <param name="rows">How many rows; their values must number less than 2^31.</param>
    public TensorMemory(Tensor tensor, long row, int rows)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(row + rows, tensor.shape[0], nameof(rows));
        _tensor = tensor;
        _start = First(tensor) + (row * RowLength(tensor));
        _length = checked((int)(rows * RowLength(tensor)));
    }

    public override Span<float> GetSpan() => new(_start, _length);

    /// <summary>Where the tensor's values begin.</summary>
    public static float* First(Tensor tensor)
    {
        if (tensor.dtype != ScalarType.Float32 || !tensor.is_contiguous() || tensor.device_type != TorchSharp.DeviceType.CPU)
            throw new ArgumentException($"a contiguous float32 tensor on the CPU is needed, got {tensor}", nameof(tensor));
        using var row = tensor.narrow(0, 0, Math.Min(1, tensor.shape[0])); // a span can't cover more than 2 GiB
        fixed (byte* first = &MemoryMarshal.GetReference(row.bytes))
            return (float*)first;
    }

    /// <summary>The number of values in one row of [n, ...].</summary>
    public static long RowLength(Tensor tensor) => tensor.shape.Skip(1).Aggregate(1L, (product, d) => product * d);

    public override MemoryHandle Pin(int elementIndex = 0) => new(_start + elementIndex);

    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing) => GC.KeepAlive(_tensor);
}
