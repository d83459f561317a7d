using System.Runtime.InteropServices;
using Headstart.Models;
using Headstart.Models.Onnx;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Headstart.Trainer.FineTuning;

/// <summary>The initialisers of a graph as libtorch tensors: made when a node first asks for one, and owned here.</summary>
internal sealed class OnnxTailWeights : IDisposable
{
    private readonly Dictionary<string, TensorProto> _stored;
    private readonly Dictionary<string, TailParameter> _parameters = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Tensor> _constants = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Tensor> _converted = new(StringComparer.Ordinal);
    private readonly Device _device;
    private readonly ScalarType _type;

    /// <param name="graph">Its Constant nodes count as initialisers.</param>
    /// <param name="device">Where the tensors are.</param>
    /// <param name="precision">What <see cref="Use"/> gives the weights in.</param>
    public OnnxTailWeights(GraphProto graph, Device device, ComputePrecision precision)
    {
        _device = device;
        _type = precision.Type();
        _stored = graph.Initializer.ToDictionary(t => t.Name, StringComparer.Ordinal);
        foreach (var node in graph.Node.Where(n => n.OpType == "Constant"))
        {
            if (node.Attribute.FirstOrDefault(a => a.Name == "value")?.T is { } value)
                _stored[node.Output[0]] = value;
        }
    }

    /// <summary>What can be trained, in the order in which the nodes asked for it.</summary>
    public IEnumerable<TailParameter> Parameters => _parameters.Values;

    public bool Has(string name) => _stored.ContainsKey(name);

    /// <summary>A frozen weight that can be unfrozen.</summary>
    /// <exception cref="NotSupportedException">The graph computes it; the message is the reason.</exception>
    public TailParameter Trainable(string name, int block)
    {
        if (_parameters.TryGetValue(name, out var known))
            return known;
        using var scope = NewDisposeScope();
        var values = Read(name);
        var parameter = Parameter(values.dim() == 4 ? ChannelsLast.Of(values) : values, requires_grad: false);
        parameter.DetachFromDisposeScope();
        return _parameters[name] = new TailParameter(name, block, parameter);
    }

    /// <summary>Values that are never trained. They are this object's.</summary>
    /// <exception cref="NotSupportedException">The graph computes them; the message is the reason.</exception>
    public Tensor Constant(string name)
    {
        if (!_constants.TryGetValue(name, out var values))
            _constants[name] = values = Read(name).DetachFromDisposeScope();
        return values;
    }

    /// <exception cref="NotSupportedException">The graph computes them, or they are no whole numbers; the message is the
    /// reason.</exception>
    public long[] Integers(string name)
    {
        var tensor = Find(name);
        return tensor.DataType == (int)TensorProto.Types.DataType.Int64
            ? tensor.HasRawData ? MemoryMarshal.Cast<byte, long>(tensor.RawData.Span).ToArray() : [.. tensor.Int64Data]
            : throw new NotSupportedException($"'{name}' of another type than int64");
    }

    /// <summary>A weight in the precision that is computed in; a gradient goes back through it to the float32 value.</summary>
    public Tensor Use(TailParameter parameter)
    {
        if (_type == ScalarType.Float32)
            return parameter.Value;
        if (parameter.Value.requires_grad)
            return parameter.Value.to(_type);
        if (!_converted.TryGetValue(parameter.Name, out var converted))
            _converted[parameter.Name] = converted = parameter.Value.to(_type).DetachFromDisposeScope();
        return converted;
    }

    /// <summary>To be called when frozen weights were written to.</summary>
    public void ForgetConverted()
    {
        foreach (var tensor in _converted.Values)
            tensor.Dispose();
        _converted.Clear();
    }

    public void Dispose()
    {
        ForgetConverted();
        foreach (var parameter in _parameters.Values)
            parameter.Value.Dispose();
        foreach (var tensor in _constants.Values)
            tensor.Dispose();
    }

    private TensorProto Find(string name) => _stored.TryGetValue(name, out var tensor)
        ? tensor
        : throw new NotSupportedException($"'{name}' that is computed, where a stored one is expected");

    private Tensor Read(string name)
    {
        var stored = Find(name);
        return tensor(OnnxTensor.ToFloats(stored), [.. stored.Dims], device: _device);
    }
}
