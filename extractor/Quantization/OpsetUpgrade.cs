using Headstart.Models.Onnx;

namespace Headstart.Extraction.Quantization;

/// <summary>Writes a graph of an older opset as one of opset 13, which computes the same.</summary>
/// <remarks>
/// Source: the versions of each operator in ONNX' Changelog.md. What isn't known to be the same, and can't be rewritten, is refused by
/// name.
/// </remarks>
internal static class OpsetUpgrade
{
    /// <summary>Before it, broadcasting was an attribute.</summary>
    public const int Oldest = 7;

    /// <summary>DequantizeLinear takes a scale for each channel since then.</summary>
    public const int Target = 13;

    // Of these nothing changed from opset 7 to 13 (or since they came) but newly allowed types, inputs and attributes that may be left out,
    // and negative axes.
    private static readonly HashSet<string> Unchanged =
    [
        "Abs", "Add", "And", "ArgMax", "ArgMin", "AveragePool", "Cast", "Ceil", "Celu", "Concat", "Constant", "ConstantOfShape", "Conv",
        "ConvTranspose", "CumSum",
        "DepthToSpace", "DequantizeLinear", "Div", "Elu", "Equal", "Erf", "Exp", "Expand", "Flatten", "Floor", "Gather", "GatherElements",
        "GatherND", "Gemm",
        "GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool", "Greater", "GreaterOrEqual", "HardSigmoid", "Identity",
        "InstanceNormalization", "LRN", "LeakyRelu", "Less",
        "LessOrEqual", "Log", "LpNormalization", "LpPool", "MatMul", "Max", "MaxPool", "Mean", "MeanVarianceNormalization", "Min", "Mul",
        "Neg", "Not", "Or", "PRelu", "Pow",
        "QuantizeLinear", "Range", "Reciprocal", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean",
        "ReduceMin", "ReduceProd",
        "ReduceSumSquare", "Relu", "Reshape", "Round", "ScatterElements", "ScatterND", "Selu", "Shape", "Sigmoid", "Sign", "Size",
        "Softplus", "Softsign", "SpaceToDepth",
        "Sqrt", "Sub", "Sum", "Tanh", "ThresholdedRelu", "Tile", "Transpose", "Where",
    ];

    /// <param name="model">Changed in place. Its constants are initialisers.</param>
    /// <param name="path">For messages.</param>
    /// <returns>Whether it was of an older opset.</returns>
    /// <exception cref="CommandException">An operator that can't be rewritten, by name, or an opset before
    /// <see cref="Oldest"/>.</exception>
    public static bool Apply(ModelProto model, string path)
    {
        var main = model.OpsetImport.FirstOrDefault(o => o.Domain is "" or "ai.onnx");
        if (main is null || main.Version >= Target)
            return false;
        var from = $"{path} is written in ONNX opset {main.Version}; integer graphs with float layers need {Target}";
        var again = $"Export the network again with opset {Target} or later.";
        if (main.Version < Oldest)
            throw new CommandException($"{from}, and it is rewritten from {Oldest} on only. {again}");

        var rewriting = new OperatorRewriting(model.Graph, (int)main.Version);
        var nodes = new List<NodeProto>();
        foreach (var node in model.Graph.Node)
        {
            try
            {
                if (node.Domain is not ("" or "ai.onnx"))
                    nodes.Add(node);
                else if (node.Attribute.Any(a => a.G is not null || a.Graphs.Count > 0))
                    throw new NotSupportedException("it holds a graph of its own");
                else if (rewriting.TryRewrite(node) is { } rewritten)
                    nodes.AddRange(rewritten);
                else if (Unchanged.Contains(node.OpType))
                    nodes.Add(node);
                else
                    throw new NotSupportedException("Headstart doesn't know what changed about it");
            }
            catch (NotSupportedException e)
            {
                throw new CommandException($"{from}, and {node.OpType} '{(node.Name.Length > 0 ? node.Name : node.Output[0])}' can't be " +
                    $"rewritten: {e.Message}. {again}");
            }
        }

        model.Graph.Node.Clear();
        model.Graph.Node.AddRange(nodes);
        main.Version = Target;
        model.IrVersion = Math.Max(model.IrVersion, 7);
        return true;
    }
}
