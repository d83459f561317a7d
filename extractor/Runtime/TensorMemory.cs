using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Headstart.Extraction.Runtime;

/// <summary>A float32 tensor in memory of one of ONNX Runtime's allocators, which this program reads and writes in place.</summary>
/// <remarks>
/// Of any allocator whose memory lies on the host: for a GPU that is page-locked memory, which its copy engine reaches directly. What the
/// tensor holds at first is undefined, and nothing may use its memory after it is disposed.
/// </remarks>
internal sealed unsafe class TensorMemory : MemoryManager<float>
{
    private readonly float* _values;
    private readonly int _length;

    /// <exception cref="OnnxRuntimeException">There is not so much memory.</exception>
    public TensorMemory(OrtAllocator allocator, params long[] shape)
    {
        Value = OrtValue.CreateAllocatedTensorValue(allocator, TensorElementType.Float, shape);

        // Native memory: it doesn't move.
        var values = Value.GetTensorMutableDataAsSpan<float>();
        _values = (float*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(values));
        _length = values.Length;
    }

    public OrtValue Value { get; }

    public override Span<float> GetSpan() => new(_values, _length);

    public override MemoryHandle Pin(int elementIndex = 0) => new(_values + elementIndex);

    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            Value.Dispose();
    }
}
