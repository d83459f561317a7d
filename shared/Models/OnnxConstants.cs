using Headstart.Models.Onnx;
using DataType = Headstart.Models.Onnx.TensorProto.Types.DataType;

namespace Headstart.Models;

/// <summary>Makes weights initialisers, wherever an exporter put them.</summary>
public static class OnnxConstants
{
    /// <summary>
    /// Turns <c>Constant</c> nodes, and <c>Identity</c> nodes behind a constant, into initialisers of the names that their readers use.
    /// </summary>
    /// <param name="graph">Changed in place; what it computes stays the same. Inner graphs (If, Loop, Scan) and outputs stay as they
    /// are.</param>
    /// <returns>How many of them hold weights: floating-point tensors of one dimension or more.</returns>
    /// <remarks>
    /// Each <c>Identity</c> gets a copy of its own (the bytes are shared in memory): exporters merge weights that happen to be equal, and
    /// who tunes one of them must not change the others.
    /// </remarks>
    public static int ToInitialisers(GraphProto graph)
    {
        var constants = graph.Initializer.ToDictionary(t => t.Name, StringComparer.Ordinal);
        var outputs = graph.Output.Select(o => o.Name).ToHashSet(StringComparer.Ordinal);
        var passedOn = new HashSet<string>(StringComparer.Ordinal);
        var kept = new List<NodeProto>();
        var weights = 0;
        foreach (var node in graph.Node)
        {
            if (Constant(node, constants) is not { } value || outputs.Contains(node.Output[0]))
            {
                kept.Add(node);
                continue;
            }

            var tensor = value.Clone();
            tensor.Name = node.Output[0];
            graph.Initializer.Add(tensor);
            constants[tensor.Name] = tensor;
            if (node.OpType == "Identity")
                passedOn.Add(node.Input[0]);
            if (tensor.Dims.Count > 0
                && tensor.DataType is (int)DataType.Float or (int)DataType.Float16 or (int)DataType.Bfloat16 or (int)DataType.Double)
                weights++;
        }

        graph.Node.Clear();
        graph.Node.AddRange(kept);
        DropUnread(graph, passedOn, outputs);
        return weights;
    }

    // What only an Identity read lives on under the Identity's name.
    private static void DropUnread(GraphProto graph, HashSet<string> passedOn, HashSet<string> outputs)
    {
        var read = graph.Node.SelectMany(OnnxGraph.Uses).Concat(outputs).ToHashSet(StringComparer.Ordinal);
        foreach (var tensor in graph.Initializer.Where(t => passedOn.Contains(t.Name) && !read.Contains(t.Name)).ToArray())
        {
            graph.Initializer.Remove(tensor);
            if (graph.Input.FirstOrDefault(i => i.Name == tensor.Name) is { } input)
                graph.Input.Remove(input);
        }
    }

    private static TensorProto? Constant(NodeProto node, Dictionary<string, TensorProto> constants)
    {
        if (node.Domain is not ("" or "ai.onnx") || node.Output is not [{ Length: > 0 }])
            return null;
        return node.OpType switch
        {
            "Identity" => constants.GetValueOrDefault(node.Input[0]),
            "Constant" when node.Attribute is [var attribute] => Value(attribute),
            _ => null,
        };
    }

    /// <returns>Null for what no initialiser holds: strings, and sparse tensors.</returns>
    private static TensorProto? Value(AttributeProto attribute)
    {
        var tensor = new TensorProto();
        switch (attribute.Name)
        {
            case "value":
                return attribute.T;
            case "value_float":
                tensor.DataType = (int)DataType.Float;
                tensor.FloatData.Add(attribute.F);
                return tensor;
            case "value_floats":
                tensor.DataType = (int)DataType.Float;
                tensor.Dims.Add(attribute.Floats.Count);
                tensor.FloatData.AddRange(attribute.Floats);
                return tensor;
            case "value_int":
                tensor.DataType = (int)DataType.Int64;
                tensor.Int64Data.Add(attribute.I);
                return tensor;
            case "value_ints":
                tensor.DataType = (int)DataType.Int64;
                tensor.Dims.Add(attribute.Ints.Count);
                tensor.Int64Data.AddRange(attribute.Ints);
                return tensor;
            default:
                return null;
        }
    }
}
