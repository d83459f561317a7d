using Headstart.Models;
using Headstart.Models.Onnx;

namespace Headstart.Extraction.Quantization;

/// <summary>Says which nodes can compute with bytes.</summary>
/// <param name="tensors">The initialisers.</param>
/// <param name="shapes">Of every float tensor, for one image.</param>
/// <param name="isInteger">Whether a tensor exists as bytes, of what was asked about before.</param>
internal sealed class IntegerSupport(
    IReadOnlyDictionary<string, TensorProto> tensors, IReadOnlyDictionary<string, long[]> shapes, Func<string, bool> isInteger)
{
    /// <remarks>
    /// A convolution is worth turning its input into bytes; everything else stays float32 unless its inputs are bytes already.
    /// </remarks>
    public bool Covers(NodeProto node)
    {
        if (node.Domain is not ("" or "ai.onnx") || node.Output.Count(o => o.Length > 0) != 1 || !IsImage(node.Output[0]))
            return false;
        return node.OpType switch
        {
            "Conv" => IsImage(node.Input[0]) && IsConstant(node, 1) && IsConstant(node, 2),
            "Relu" or "MaxPool" or "GlobalAveragePool" => isInteger(node.Input[0]),
            "AveragePool" => isInteger(node.Input[0]) && !node.Attribute.Any(a => a.Name == "dilations" && a.Ints.Any(d => d != 1)),
            "Clip" => isInteger(node.Input[0]) && IsActivation(node),
            "Add" => node.Input.All(isInteger) && shapes[node.Input[0]].SequenceEqual(shapes[node.Input[1]]),
            "Concat" => node.Input.All(isInteger) && node.Attribute.Any(a => a.Name == "axis" && a.I is 1 or -3),
            "Pad" => isInteger(node.Input[0]) && IsSpatialPadding(node),
            _ => false,
        };
    }

    /// <summary>Whether a node is a ReLU, or a clip with limits that are known and hold 0 between them.</summary>
    public bool IsActivation(NodeProto node) => node.OpType switch
    {
        "Relu" => true,
        "Clip" => node.Attribute.Count == 0 && IsConstant(node, 1) && IsConstant(node, 2) && Limits(node) is { Low: <= 0, High: >= 0 },
        _ => false,
    };

    /// <summary>The limits of a clip.</summary>
    public (float Low, float High) Limits(NodeProto clip) =>
        (Limit(clip, 1, float.NegativeInfinity), Limit(clip, 2, float.PositiveInfinity));

    private float Limit(NodeProto clip, int index, float absent) =>
        clip.Input.Count > index && clip.Input[index].Length > 0 && OnnxTensor.ToFloats(tensors[clip.Input[index]]) is [var limit]
            ? limit
            : absent;

    private bool IsImage(string tensor) => shapes.TryGetValue(tensor, out var shape) && shape.Length == 4;

    private bool IsConstant(NodeProto node, int input) =>
        node.Input.Count <= input || node.Input[input].Length == 0 || tensors.ContainsKey(node.Input[input]);

    // Zeros around the picture, or its own values: each is a byte of the same grid.
    private bool IsSpatialPadding(NodeProto node)
    {
        var mode = node.Attribute.FirstOrDefault(a => a.Name == "mode")?.S.ToStringUtf8() ?? "constant";
        var isPlain = node.Input.Count is 2 or 3 && IsConstant(node, 1) && IsConstant(node, 2);
        return isPlain && mode is "constant" or "reflect" or "edge"
            && (node.Input.Count == 2 || node.Input[2].Length == 0 || OnnxTensor.ToFloats(tensors[node.Input[2]]) is [0])
            && shapes[node.Input[0]].Take(2).SequenceEqual(shapes[node.Output[0]].Take(2));
    }
}
