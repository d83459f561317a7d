using System.Runtime.Intrinsics;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Headstart.Trainer.Kernels;

/// <summary>
/// The first dense layer of a head on long features: nearly all of its weights. A step reads and writes them and their moments once.
/// </summary>
/// <remarks>
/// Nothing before the layer is trained, so of its gradients only the weights' is wanted, and that is a product of two small matrices: what
/// went in, and the
/// gradient by what came out. It is never formed; <see cref="WideAdam"/> uses it where it is computed.
/// </remarks>
internal sealed class WideDense : IDisposable
{
    /// <summary>With fewer weights libtorch is as fast: they stay in a processor's cache.</summary>
    private const long LeastWeights = 1 << 20;

    /// <summary>With fewer units, copying what goes in costs more than it saves.</summary>
    private const int LeastUnits = 64;

    /// <summary>With more images a step is bound by its arithmetic, and libtorch is as fast.</summary>
    private const int MostImages = 128;

    private readonly long _rest;
    private readonly WideShape _shape;
    private readonly int _threads = get_num_threads();
    private Tensor? _input;
    private Tensor? _output;
    private Tensor? _sums;
    private Tensor? _packed;

    private WideDense(DenseModule layer, long rest, WideShape shape)
    {
        Layer = layer;
        _rest = rest;
        _shape = shape;
    }

    /// <summary>The layer that is computed.</summary>
    public DenseModule Layer { get; }

    /// <param name="layer">Nothing before it is trained.</param>
    /// <param name="rest">The number of weights in the rest of the head.</param>
    /// <param name="batch">The most images in a step.</param>
    /// <returns>
    /// Null where libtorch computes the layer as any other: where that is as fast, the processor has no vectors of 256 bits, or the shape
    /// is odd.
    /// </returns>
    public static WideDense? Of(DenseModule layer, long rest, int batch)
    {
        if (layer.Weight.device_type != DeviceType.CPU || !Vector256.IsHardwareAccelerated || batch > MostImages)
            return null;
        var shape = new WideShape((int)layer.Weight.shape[1], (int)layer.Weight.shape[0]);
        return shape.IsWhole && shape.Units >= LeastUnits && (long)shape.Inputs * shape.Units >= LeastWeights
            ? new WideDense(layer, rest, shape)
            : null;
    }

    /// <summary>
    /// weight · x + bias in training. The gradient of the weights is what <see cref="Move"/> uses; that of the bias is the bias' own.
    /// </summary>
    /// <param name="input">[n, inputs], of which no gradient is wanted.</param>
    public Tensor Forward(Tensor input) => Multiply(input) + Layer.Bias;

    /// <summary>Moves the weights once, along the gradient of the last backward pass.</summary>
    /// <param name="m">First moments, like the weights.</param>
    /// <param name="v">Second moments.</param>
    /// <param name="step">How.</param>
    public unsafe void Move(Tensor m, Tensor v, WideAdam step)
    {
        using var scope = NewDisposeScope();
        var input = _input ?? throw new InvalidOperationException("nothing went through the layer: call forward first");
        var output = _output?.grad ?? throw new InvalidOperationException("the layer's output has no gradient: call backward first");
        var gradient = output.contiguous();
        var n = (int)input.shape[0];
        var packedInputs = (long)n * _shape.Tiles * _shape.TileInputs;
        var packed = TensorMemory.First(Room(ref _packed, packedInputs + ((long)n * _shape.Units)));
        step.Step(
            TensorMemory.First(Layer.Weight), TensorMemory.First(m), TensorMemory.First(v), TensorMemory.First(input),
            TensorMemory.First(gradient), packed, packed + packedInputs, n, _shape, _threads);
    }

    /// <summary>
    /// Until the result is disposed, libtorch computes the rest of the head on one thread, where it is small: the others would wait in a
    /// loop, on the cores that this layer wants.
    /// </summary>
    public IDisposable? Alone()
    {
        if (_rest >= LeastWeights)
            return null;
        set_num_threads(1);

        // libtorch's setting is for the thread that makes it and for those that have none yet: for the latter it is put back at once.
        var other = new Thread(() => set_num_threads(_threads)) { Name = "libtorch's threads" };
        other.Start();
        other.Join();
        return new Threads(_threads);
    }

    public void Dispose()
    {
        _sums?.Dispose();
        _packed?.Dispose();
    }

    private unsafe Tensor Multiply(Tensor input)
    {
        var n = (int)input.shape[0];
        using (no_grad())
        {
            _input = input.contiguous();
            _output = empty(n, _shape.Units);
            var sums = Room(ref _sums, (long)_shape.Parts * n * _shape.Units);
            WideProduct.Compute(
                TensorMemory.First(Layer.Weight), TensorMemory.First(_input), TensorMemory.First(sums), TensorMemory.First(_output),
                n, _shape, _threads);
        }

        _output.requires_grad = true;
        return _output;
    }

    private static Tensor Room(ref Tensor? room, long values)
    {
        if (room is not null && room.numel() >= values)
            return room;
        room?.Dispose();
        return room = empty(values).DetachFromDisposeScope();
    }

    private sealed class Threads(int before) : IDisposable
    {
        public void Dispose() => set_num_threads(before);
    }
}
