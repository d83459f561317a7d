using Headstart.Extraction.Import;
using Headstart.Models;
using Headstart.Models.Onnx;

namespace Headstart.Extraction.Quantization;

/// <summary>Brings a float32 graph into the form that <see cref="QuantizationPlan"/> reads, without changing what it computes.</summary>
internal static class GraphPreparation
{
    /// <summary>
    /// Constants become initialisers, a batch norm goes into the convolution before it, and the graph speaks opset 13 or later.
    /// </summary>
    /// <param name="model">Left as it is.</param>
    /// <param name="layers">The outputs that are kept.</param>
    /// <param name="path">For messages.</param>
    /// <exception cref="Headstart.CommandException">An older opset that can't be raised.</exception>
    public static ModelProto Prepare(ModelProto model, IReadOnlyCollection<string> layers, string path)
    {
        var prepared = OnnxGraph.CutTo(model, layers);
        OnnxConstants.ToInitialisers(prepared.Graph);
        OpsetUpgrade.Apply(prepared, path);
        FoldBatchNorms(prepared.Graph);
        return prepared;
    }

    private static void FoldBatchNorms(GraphProto graph)
    {
        var tensors = graph.Initializer.ToDictionary(t => t.Name, StringComparer.Ordinal);
        foreach (var norm in graph.Node.Where(n => n.OpType == "BatchNormalization").ToArray())
        {
            var conv = graph.Node.FirstOrDefault(n => n.OpType == "Conv" && n.Output[0] == norm.Input[0]);
            var isRead = graph.Node.Count(n => n.Input.Contains(norm.Input[0])) > 1 || graph.Output.Any(o => o.Name == norm.Input[0]);
            if (conv is null || isRead || norm.Output.Count > 1 || !norm.Input.Skip(1).Concat(conv.Input.Skip(1)).All(tensors.ContainsKey))
                continue;
            var kernel = tensors[conv.Input[1]];
            var bias = conv.Input.Count > 2 ? OnnxTensor.ToFloats(tensors[conv.Input[2]]) : new float[kernel.Dims[0]];
            float[] Parameter(int index) => OnnxTensor.ToFloats(tensors[norm.Input[index]]);
            var epsilon = norm.Attribute.FirstOrDefault(a => a.Name == "epsilon")?.F ?? 1e-5f;
            var folded = BatchNorm.Fold(
                new ConvolutionWeights(OnnxTensor.ToFloats(kernel), bias), Parameter(1), Parameter(2), Parameter(3), Parameter(4), epsilon);

            var name = OnnxGraph.UnusedName(graph, $"{norm.Output[0]}_folded");
            graph.Initializer.Add(OnnxTensor.FromFloats(name, folded.Kernel, [.. kernel.Dims]));
            graph.Initializer.Add(OnnxTensor.FromFloats($"{name}_bias", folded.Bias, folded.Bias.Length));
            var input = conv.Input[0];
            conv.Input.Clear();
            conv.Input.AddRange([input, name, $"{name}_bias"]);
            conv.Output[0] = norm.Output[0];
            graph.Node.Remove(norm);
        }
    }
}
