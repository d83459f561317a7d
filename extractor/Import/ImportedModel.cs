using Headstart.Models;
using Headstart.Models.Onnx;

namespace Headstart.Extraction.Import;

/// <summary>A graph that is ready to be saved, with its contract and what the user should hear about it.</summary>
/// <param name="Proto">The graph, its contract not yet in it.</param>
/// <param name="Contract">Describes the graph.</param>
/// <param name="Notes">Whole sentences: what was inferred, inserted or left out.</param>
internal sealed record ImportedModel(ModelProto Proto, ModelContract Contract, IReadOnlyList<string> Notes)
{
    /// <inheritdoc cref="OnnxGraph.ParameterCount"/>
    public long ParameterCount => OnnxGraph.ParameterCount(Proto.Graph);
}
