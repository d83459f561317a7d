using Headstart.Models;
using Headstart.Models.Onnx;
using static Headstart.Trainer.Export.GraphNodes;
using DataType = Headstart.Models.Onnx.TensorProto.Types.DataType;

namespace Headstart.Trainer.Export;

/// <summary>From logits to a decision: temperature, probabilities, threshold.</summary>
internal static class DecisionGraph
{
    /// <summary>Writes the nodes, and makes <c>probabilities</c> and <c>label</c> the graph's outputs.</summary>
    /// <param name="nodes">Of <paramref name="graph"/>, which has no tensor of either name.</param>
    /// <param name="logits">[N, 1] for two classes, otherwise [N, classes].</param>
    /// <param name="batch">The only batch size that the graph takes, or null.</param>
    public static void Write(GraphNodes nodes, GraphProto graph, string logits, PredictionContract decision, int? batch)
    {
        var tempered = decision.Temperature == 1
            ? logits
            : nodes.Add("Div", "tempered_logits", [logits, nodes.Floats("temperature", [(float)decision.Temperature])]);
        // One logit z is the pair (0, z). Not sigmoid(z): ONNX Runtime approximates that to 1e-7, so that small probabilities come out as
        // 0.
        var logitsOfAll = decision.Classes.Count == 2
            ? nodes.Add("Concat", "both_logits", [nodes.Add("Sub", "zero_logits", [tempered, tempered]), tempered], Int("axis", 1))
            : tempered;
        var probabilities = nodes.Add("Softmax", PredictionContract.Probabilities, [logitsOfAll], Int("axis", 1));
        if (decision.Threshold is { } threshold)
        {
            var second = nodes.Add("Gather", "second_probability", [probabilities, nodes.Number("second", 1)], Int("axis", 1));
            nodes.Convert(PredictionContract.Label,
                nodes.Add("Greater", "is_second", [second, nodes.Floats("threshold", [(float)threshold])]), DataType.Int64);
        }
        else
        {
            nodes.Add("ArgMax", PredictionContract.Label, [probabilities], Int("axis", 1), Int("keepdims", 0));
        }

        nodes.Append();
        graph.Output.Clear();
        graph.Output.Add(Describe(PredictionContract.Probabilities, DataType.Float, batch, decision.Classes.Count));
        graph.Output.Add(Describe(PredictionContract.Label, DataType.Int64, batch));
    }

    private static ValueInfoProto Describe(string name, DataType type, int? batch, params ReadOnlySpan<long> shape)
    {
        var dims = new TensorShapeProto();
        dims.Dim.Add(batch is { } n ? new TensorShapeProto.Types.Dimension { DimValue = n } : new() { DimParam = "batch" });
        foreach (var length in shape)
            dims.Dim.Add(new TensorShapeProto.Types.Dimension { DimValue = length });
        return new ValueInfoProto
        {
            Name = name,
            Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)type, Shape = dims } },
        };
    }
}
