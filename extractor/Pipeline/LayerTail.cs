using Headstart.Extraction.Runtime;
using Headstart.Models;
using Microsoft.ML.OnnxRuntime;

namespace Headstart.Extraction.Pipeline;

/// <summary>The stretch of a network that computes layers from other layers, which a cache has already.</summary>
/// <remarks>
/// The same operators on the same numbers as in the whole network. ONNX Runtime may join and lay out operators differently in a shorter
/// graph, so the last bits of a value are not promised to be those of one pass over everything.
/// </remarks>
internal sealed class LayerTail : IDisposable
{
    private readonly ModelFile _model;
    private readonly InferenceSession _session;
    private readonly OrtAllocator _memory;
    private readonly TensorMemory[] _inputs;
    private readonly TensorMemory[] _outputs;

    private LayerTail(
        ModelFile model, IReadOnlyList<ModelLayer> sources, IReadOnlyList<ModelLayer> layers, InferenceSession session,
        ExecutionProvider provider, int batchSize)
    {
        _model = model;
        _session = session;
        _memory = provider.HostMemory(session);
        Sources = sources;
        Layers = layers;
        BatchSize = batchSize;
        _inputs = Buffers(sources, session.InputMetadata);
        _outputs = Buffers(layers, session.OutputMetadata);

        TensorMemory[] Buffers(IReadOnlyList<ModelLayer> of, IReadOnlyDictionary<string, NodeMetadata> metadata) =>
            [.. of.Select(l => new TensorMemory(_memory, FeatureBatch.Dimensions(batchSize, l.Shape, metadata[l.Name].Dimensions.Length)))];
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
    /// <exception cref="CommandException">ONNX Runtime refuses the graph, or there is not enough memory for a batch.</exception>
    public static LayerTail? TryLoad(BaseNetwork network, IReadOnlyList<ModelLayer> cached, IReadOnlyList<ModelLayer> layers, int batchSize)
    {
        var model = network.Model;
        if (OnnxGraph.CutBetween(model.Proto, [.. cached.Select(l => l.Name)], [.. layers.Select(l => l.Name)]) is not { } graph)
            return null;
        var used = OnnxGraph.FedInputs(graph.Graph).Select(i => i.Name).ToHashSet(StringComparer.Ordinal);
        var (session, provider) = BaseNetwork.Open(model, graph, network.Device, network.Threads);
        try
        {
            return new LayerTail(model, [.. cached.Where(l => used.Contains(l.Name))], layers, session, provider, batchSize);
        }
        catch (OnnxRuntimeException e)
        {
            session.Dispose();
            throw BaseNetwork.Failed(model, e);
        }
    }

    /// <summary>Where one row's values of a source go before <see cref="Run"/>.</summary>
    public Span<float> Input(int source, int row) =>
        _inputs[source].GetSpan().Slice(row * Sources[source].Shape.Length, Sources[source].Shape.Length);

    /// <summary>One row's values of a layer; valid until the next <see cref="Run"/>.</summary>
    public ReadOnlyMemory<float> Output(int layer, int row) =>
        _outputs[layer].Memory.Slice(row * Layers[layer].Shape.Length, Layers[layer].Shape.Length);

    /// <summary>Computes a whole batch; rows that were not written since the last one are computed again, and mean nothing.</summary>
    public void Run() =>
        BaseNetwork.Run(_model, _session, Values(Sources, _inputs), Values(Layers, _outputs));

    public void Dispose()
    {
        foreach (IDisposable tensor in _inputs.Concat(_outputs))
            tensor.Dispose();
        ExecutionProvider.Release(_memory);
        _session.Dispose();
    }

    private static IEnumerable<(string Name, OrtValue Value)> Values(IReadOnlyList<ModelLayer> layers, TensorMemory[] tensors) =>
        layers.Select(l => l.Name).Zip(tensors.Select(t => t.Value));
}
