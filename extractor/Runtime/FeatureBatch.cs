using Headstart.Images;
using Headstart.Models;
using Microsoft.ML.OnnxRuntime;

namespace Headstart.Extraction.Runtime;

/// <summary>A batch on its way through the pipeline: input and output buffers that ONNX Runtime reads and writes in place.</summary>
/// <remarks>
/// Each slot belongs to one view of one image, whose place is fixed before it is decoded: so the order of the rows doesn't depend on who
/// decodes faster.
/// </remarks>
internal sealed class FeatureBatch : IDisposable
{
    private readonly TensorMemory _input;
    private readonly TensorMemory[] _outputs;
    private readonly int _inputLength;
    private readonly IReadOnlyList<ModelLayer> _layers;
    private readonly BatchSlot[] _slots;
    private int _pending;
    private TaskCompletionSource _filled = new();

    /// <param name="size">The number of slots.</param>
    /// <param name="imageSize">Height and width of the network's input.</param>
    /// <param name="layers">The outputs, in the order in which the session returns them.</param>
    /// <param name="ranks">The rank of each output's tensor: 4, or 2 for a vector.</param>
    /// <param name="allocator">Of memory that this program reads and writes, whatever the device. Ordinary memory when left out.</param>
    public FeatureBatch(int size, int imageSize, IReadOnlyList<ModelLayer> layers, IReadOnlyList<int> ranks, OrtAllocator? allocator = null)
    {
        _layers = layers;
        _inputLength = 3 * imageSize * imageSize;
        _slots = new BatchSlot[size];
        _input = new TensorMemory(allocator ?? OrtAllocator.DefaultInstance, size, 3, imageSize, imageSize);
        _outputs =
            [.. layers.Select((l, i) => new TensorMemory(allocator ?? OrtAllocator.DefaultInstance, Dimensions(size, l.Shape, ranks[i])))];
    }

    public OrtValue Input => _input.Value;

    public IReadOnlyList<OrtValue> Outputs => [.. _outputs.Select(o => o.Value)];

    /// <summary>
    /// The slots in use; the last batch of a run may use fewer than there are, and is computed at full size all the same.
    /// </summary>
    public ReadOnlySpan<BatchSlot> Slots => _slots.AsSpan(0, Count);

    public int Count { get; private set; }

    /// <summary>Completes when every slot in use has been filled or rejected.</summary>
    public Task Filled => _filled.Task;

    /// <summary>Gives the batch to new images.</summary>
    public void Assign(IReadOnlyList<PlannedRow> rows)
    {
        Count = rows.Count;
        _pending = Count;
        _filled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        for (var i = 0; i < Count; i++)
            _slots[i] = new BatchSlot(rows[i].Item, rows[i].View, null, null);
        _input.GetSpan()[(Count * _inputLength)..].Clear();
    }

    /// <summary>The network's input for one slot, 3 x S x S.</summary>
    public Span<float> InputOf(int slot) => _input.GetSpan().Slice(slot * _inputLength, _inputLength);

    /// <summary>Says that a slot's input is written. Called once a slot, from any thread.</summary>
    public void Fill(int slot, DecodedImage image) => Finish(slot, _slots[slot] with { Image = image });

    /// <summary>Says that a slot's image can't be used. Its input is zeroed, so that it costs time but no surprise.</summary>
    public void Reject(int slot, string reason)
    {
        InputOf(slot).Clear();
        Finish(slot, _slots[slot] with { Rejection = reason });
    }

    /// <summary>One slot's features, a memory per layer; valid until the batch is assigned again.</summary>
    public IReadOnlyList<ReadOnlyMemory<float>> FeaturesOf(int slot) =>
        [.. _outputs.Zip(_layers, (memory, l) => (ReadOnlyMemory<float>)memory.Memory.Slice(slot * l.Shape.Length, l.Shape.Length))];

    /// <summary>The dimensions of a tensor that holds a layer of so many images.</summary>
    /// <param name="rank">4, or 2 for a vector.</param>
    public static long[] Dimensions(int size, LayerShape shape, int rank) =>
        rank == 2 ? [size, shape.Channels] : [size, shape.Channels, shape.Height, shape.Width];

    public void Dispose()
    {
        ((IDisposable)_input).Dispose();
        foreach (IDisposable output in _outputs)
            output.Dispose();
    }

    private void Finish(int slot, BatchSlot value)
    {
        _slots[slot] = value;
        if (Interlocked.Decrement(ref _pending) == 0)
            _filled.SetResult();
    }
}

/// <summary>One view of an image in a batch: decoded, rejected, or neither yet.</summary>
internal readonly record struct BatchSlot(ImageItem Item, int View, DecodedImage? Image, string? Rejection);

/// <summary>What the cache keeps of a decoded image besides its features.</summary>
internal sealed record DecodedImage(string Sha256, int Width, int Height);
