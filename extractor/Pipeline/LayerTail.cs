using Headstart.CommandLine;
using Headstart.Models;
using Microsoft.ML.OnnxRuntime;

namespace Headstart.Extraction.Pipeline;

/// <summary>The stretch of a network that computes layers from other layers, which a cache has already.</summary>
/// <remarks>
/// The same operators on the same numbers as in the whole network. ONNX Runtime may join and lay out operators differently in a shorter graph, so the last bits of
/// a value are not promised to be those of one pass over everything.
/// </remarks>
internal sealed class LayerTail : IDisposable
{
    private readonly ModelFile _model;
    private readonly InferenceSession _session;
    private readonly float[][] _inputs;
    private readonly float[][] _outputs;
    private readonly OrtValue[] _inputValues;
    private readonly OrtValue[] _outputValues;

    private LayerTail(ModelFile model, IReadOnlyList<ModelLayer> sources, IReadOnlyList<ModelLayer> layers, InferenceSession session, int batchSize)
    {
        _model = model;
        _session = session;
        Sources = sources;
        Layers = layers;
        BatchSize = batchSize;
        (_inputs, _inputValues) = Buffers(sources, session.InputMetadata);
        (_outputs, _outputValues) = Buffers(layers, session.OutputMetadata);

        (float[][] Memory, OrtValue[] Values) Buffers(IReadOnlyList<ModelLayer> of, IReadOnlyDictionary<string, NodeMetadata> metadata)
        {
            float[][] memory = [.. of.Select(l => GC.AllocateArray<float>(checked(batchSize * l.Shape.Length), pinned: true))];
            return (memory, [.. of.Select((l, i) => OrtValue.CreateTensorValueFromMemory(memory[i], metadata[l.Name].Dimensions.Length == 2
                ? [batchSize, l.Shape.Channels]
                : [batchSize, l.Shape.Channels, l.Shape.Height, l.Shape.Width]))]);
        }
    }

    /// <summary>Those of the cached layers that are needed.</summary>
    public IReadOnlyList<ModelLayer> Sources { get; }

    /// <summary>What is computed, shallow first.</summary>
    public IReadOnlyList<ModelLayer> Layers { get; }

    public int BatchSize { get; }

    /// <param name="network">The network whose layers they are; says where to run.</param>
    /// <param name="cached">The layers that are known.</param>
    /// <param name="layers">The layers wanted.</param>
    /// <param name="batchSize">Rows computed at once.</param>
    /// <returns>Null where the wanted layers can't be computed from the known ones alone.</returns>
    /// <exception cref="CommandException">ONNX Runtime refuses the graph.</exception>
    public static LayerTail? TryLoad(BaseNetwork network, IReadOnlyList<ModelLayer> cached, IReadOnlyList<ModelLayer> layers, int batchSize)
    {
        var model = network.Model;
        if (OnnxGraph.CutBetween(model.Proto, [.. cached.Select(l => l.Name)], [.. layers.Select(l => l.Name)]) is not { } graph)
            return null;
        var used = OnnxGraph.FedInputs(graph.Graph).Select(i => i.Name).ToHashSet(StringComparer.Ordinal);
        var (session, _) = BaseNetwork.Open(model, graph, network.Device, network.Threads);
        return new LayerTail(model, [.. cached.Where(l => used.Contains(l.Name))], layers, session, batchSize);
    }

    /// <summary>Where one row's values of a source go before <see cref="Run"/>.</summary>
    public Span<float> Input(int source, int row) => _inputs[source].AsSpan(row * Sources[source].Shape.Length, Sources[source].Shape.Length);

    /// <summary>One row's values of a layer; valid until the next <see cref="Run"/>.</summary>
    public ReadOnlyMemory<float> Output(int layer, int row) => _outputs[layer].AsMemory(row * Layers[layer].Shape.Length, Layers[layer].Shape.Length);

    /// <summary>Computes a whole batch; rows that were not written since the last one are computed again, and mean nothing.</summary>
    public void Run() =>
        BaseNetwork.Run(_model, _session, [.. Sources.Select(l => l.Name)], _inputValues, [.. Layers.Select(l => l.Name)], _outputValues);

    public void Dispose()
    {
        foreach (var value in _inputValues.Concat(_outputValues))
            value.Dispose();
        _session.Dispose();
    }
}
