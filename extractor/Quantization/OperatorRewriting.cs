using System.Runtime.InteropServices;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Headstart.Models;
using Headstart.Models.Onnx;
using AttributeType = Headstart.Models.Onnx.AttributeProto.Types.AttributeType;
using DataType = Headstart.Models.Onnx.TensorProto.Types.DataType;

namespace Headstart.Extraction.Quantization;

/// <summary>The operators that changed between opset 7 and 13, each written as opset 13 wants it.</summary>
/// <param name="graph">Gets the initialisers that were attributes.</param>
/// <param name="opset">What the nodes are written in, 7 to 12.</param>
internal sealed class OperatorRewriting(GraphProto graph, int opset)
{
    /// <returns>Null where the operator didn't change since then.</returns>
    /// <exception cref="NotSupportedException">It can't be written so; the message is the reason.</exception>
    public IReadOnlyList<NodeProto>? TryRewrite(NodeProto node) => node.OpType switch
    {
        "BatchNormalization" => [BatchNormalization(node)],
        "Clip" when opset < 11 => [Clip(node)],
        "Dropout" when opset < 12 => [Dropout(node)],
        "Dropout" =>
            [node.Input.Count < 3 || node.Input[2].Length == 0 ? node : throw new NotSupportedException("it may be in training mode")],
        "Hardmax" or "LogSoftmax" or "Softmax" => Softmax(node),
        "Pad" when opset < 11 => [Pad(node)],
        "Pad" => [node],
        "ReduceSum" or "Squeeze" or "Unsqueeze" => [WithInput(node, "axes", 1)],
        "Resize" => [opset < 11 ? OldResize(node) : Resize(node)],
        "Scatter" => [Scatter(node)],
        "Slice" when opset < 10 => [Slice(node)],
        "Slice" => [node],
        "Split" => [WithInput(node, "split", 1)],
        "TopK" when opset < 10 => [TopK(node)],
        "TopK" => [node],
        "Upsample" => [Upsample(node)],
        "Clip" => [node],
        _ => null,
    };

    // Statistics for each value instead of each channel went with opset 9. To give more than its result means to be in training, before
    // opset 14.
    private static NodeProto BatchNormalization(NodeProto node)
    {
        if (Take(node, "spatial") is { I: 0 })
            throw new NotSupportedException("it normalises each value by statistics of its own (spatial = 0)");
        return node.Output.Skip(1).All(o => o.Length == 0)
            ? node
            : throw new NotSupportedException("it is in training mode: it gives statistics too");
    }

    private NodeProto Clip(NodeProto node)
    {
        var (low, high) = (Take(node, "min"), Take(node, "max"));
        if (low is null && high is null)
            return node;
        node.Input.Add(low is null ? "" : Float(node, "min", low.F));
        if (high is not null)
            node.Input.Add(Float(node, "max", high.F));
        return node;
    }

    // Without training it passes on what comes in.
    private NodeProto Dropout(NodeProto node)
    {
        var mask = node.Output.ElementAtOrDefault(1) ?? "";
        if (mask.Length > 0 && (graph.Node.SelectMany(OnnxGraph.Uses).Contains(mask) || graph.Output.Any(o => o.Name == mask)))
            throw new NotSupportedException("its mask is read");
        if (node.Output.Count > 1)
            node.Output.RemoveAt(1);
        Take(node, "ratio");
        return node;
    }

    /// <summary>It worked on everything from an axis on as one row; now it works along the axis alone.</summary>
    private IReadOnlyList<NodeProto> Softmax(NodeProto node)
    {
        var axis = Take(node, "axis")?.I ?? 1;
        if (axis == -1)
        {
            node.Attribute.Add(Integer("axis", -1));
            return [node];
        }

        var (input, output) = (node.Input[0], node.Output[0]);
        var (shape, rows, done) = (Unused($"{output}_shape"), Unused($"{output}_rows_in"), Unused($"{output}_rows"));
        var flatten = Node("Flatten", [input], rows);
        flatten.Attribute.Add(Integer("axis", axis));
        node.Input[0] = rows;
        node.Output[0] = done;
        node.Attribute.Add(Integer("axis", 1));
        return [Node("Shape", [input], shape), flatten, node, Node("Reshape", [done, shape], output)];
    }

    private NodeProto Pad(NodeProto node)
    {
        var (pads, value) = (Take(node, "pads") ?? throw new NotSupportedException("it lacks its pads"), Take(node, "value"));
        node.Input.Add(Integers(node, "pads", pads.Ints));
        if (value is { F: not 0 })
            node.Input.Add(Float(node, "value", value.F));
        return node;
    }

    private NodeProto Slice(NodeProto node)
    {
        var (starts, ends, axes) = (Take(node, "starts"), Take(node, "ends"), Take(node, "axes"));
        if (starts is null || ends is null)
            throw new NotSupportedException("it lacks its starts or ends");
        node.Input.AddRange([Integers(node, "starts", starts.Ints), Integers(node, "ends", ends.Ints)]);
        if (axes is not null)
            node.Input.Add(Integers(node, "axes", axes.Ints));
        return node;
    }

    private NodeProto TopK(NodeProto node)
    {
        node.Input.Add(Integers(node, "k", [Take(node, "k")?.I ?? throw new NotSupportedException("it lacks its k")]));
        return node;
    }

    private static NodeProto Scatter(NodeProto node)
    {
        node.OpType = "ScatterElements";
        return node;
    }

    /// <summary>Enlarges, with the corner of the picture at 0: nearest is the one before, linear is between.</summary>
    private NodeProto Upsample(NodeProto node)
    {
        if (opset < 9)
            node.Input.Add(Floats(node, "scales", (Take(node, "scales") ?? throw new NotSupportedException("it lacks its scales")).Floats));
        return ResizeFromCorner(node, "floor");
    }

    /// <summary>Opset 10's; where it shrinks, ONNX Runtime takes the nearest after, not before.</summary>
    private NodeProto OldResize(NodeProto node)
    {
        if (IsLinear(node))
            return ResizeFromCorner(node, "floor");
        var scales = graph.Initializer.FirstOrDefault(t => t.Name == node.Input[1]) is { } tensor
            ? OnnxTensor.ToFloats(tensor)
            : throw new NotSupportedException("its scales are computed");
        var (shrinks, enlarges) = (scales.Any(s => s < 1), scales.Any(s => s > 1));
        return shrinks && enlarges
            ? throw new NotSupportedException("it shrinks one way and enlarges the other")
            : ResizeFromCorner(node, shrinks ? "ceil" : "floor");
    }

    private static NodeProto ResizeFromCorner(NodeProto node, string nearest)
    {
        var scales = node.Input[1];
        var isLinear = IsLinear(node);
        node.OpType = "Resize";
        node.Input[1] = ""; // The region, which is of no use here.
        node.Input.Add(scales);
        Take(node, "mode");
        node.Attribute.Add(Text("mode", isLinear ? "linear" : "nearest"));
        node.Attribute.Add(Text("coordinate_transformation_mode", "asymmetric"));
        if (!isLinear)
            node.Attribute.Add(Text("nearest_mode", nearest));
        return node;
    }

    // What is not given may be an empty tensor before opset 13.
    private NodeProto Resize(NodeProto node)
    {
        if (node.Attribute.Any(a => a.Name == "coordinate_transformation_mode" && a.S.ToStringUtf8() == "tf_half_pixel_for_nn"))
            throw new NotSupportedException("opset 13 has no tf_half_pixel_for_nn");
        for (var i = 1; i < node.Input.Count; i++)
        {
            if (graph.Initializer.FirstOrDefault(t => t.Name == node.Input[i]) is { Dims: [0] })
                node.Input[i] = "";
        }

        return node;
    }

    private static bool IsLinear(NodeProto node) =>
        (node.Attribute.FirstOrDefault(a => a.Name == "mode")?.S.ToStringUtf8() ?? "nearest") switch
        {
            "nearest" => false,
            "linear" or "bilinear" => true,
            var mode => throw new NotSupportedException($"its mode is {mode}"),
        };

    private NodeProto WithInput(NodeProto node, string attribute, int position)
    {
        if (Take(node, attribute) is { } values && node.Input.Count == position)
            node.Input.Add(Integers(node, attribute, values.Ints));
        return node;
    }

    private static AttributeProto? Take(NodeProto node, string name)
    {
        var attribute = node.Attribute.FirstOrDefault(a => a.Name == name);
        if (attribute is not null)
            node.Attribute.Remove(attribute);
        return attribute;
    }

    private string Float(NodeProto node, string what, float value) =>
        Add(OnnxTensor.FromFloats(Unused($"{node.Output[0]}_{what}"), [value]));

    private string Floats(NodeProto node, string what, RepeatedField<float> values) =>
        Add(OnnxTensor.FromFloats(Unused($"{node.Output[0]}_{what}"), [.. values], values.Count));

    private string Integers(NodeProto node, string what, RepeatedField<long> values)
    {
        var tensor = new TensorProto
        {
            Name = Unused($"{node.Output[0]}_{what}"),
            DataType = (int)DataType.Int64,
            RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes<long>([.. values])),
        };
        tensor.Dims.Add(values.Count);
        return Add(tensor);
    }

    private string Add(TensorProto tensor)
    {
        graph.Initializer.Add(tensor);
        return tensor.Name;
    }

    private string Unused(string wish) => OnnxGraph.UnusedName(graph, wish);

    private static NodeProto Node(string op, string[] inputs, string output)
    {
        var node = new NodeProto { OpType = op, Name = output };
        node.Input.AddRange(inputs);
        node.Output.Add(output);
        return node;
    }

    private static AttributeProto Integer(string name, long value) => new() { Name = name, Type = AttributeType.Int, I = value };

    private static AttributeProto Text(string name, string value) =>
        new() { Name = name, Type = AttributeType.String, S = ByteString.CopyFromUtf8(value) };
}
