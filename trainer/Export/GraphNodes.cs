using System.Runtime.InteropServices;
using Google.Protobuf;
using Headstart.Models;
using Headstart.Models.Onnx;
using AttributeType = Headstart.Models.Onnx.AttributeProto.Types.AttributeType;
using DataType = Headstart.Models.Onnx.TensorProto.Types.DataType;

namespace Headstart.Trainer.Export;

/// <summary>Nodes and constants that are written one after the other, and then put before or behind a graph's own.</summary>
/// <remarks>
/// The graph keeps its own version of the operators, whatever that is (13 for what Headstart built): so only operators are used that mean
/// the
/// same in all versions from <see cref="LowestOpset"/> on, or are written as the version wants them: <see cref="Reduce"/>,
/// <see cref="AtLeast"/> and <see cref="ErrorFunction"/>.
/// </remarks>
internal sealed class GraphNodes
{
    /// <summary>
    /// Since this version the arithmetic operators broadcast as NumPy does; Max and Min do since 8, and Erf is there since 9.
    /// </summary>
    public const int LowestOpset = 7;

    private readonly ModelProto _model;
    private readonly string _path;
    private readonly List<NodeProto> _nodes = [];
    private readonly HashSet<string> _used;

    /// <param name="model">The graph to extend; it is changed.</param>
    /// <param name="path">Its file, for messages.</param>
    /// <exception cref="CommandException">Operators older than <see cref="LowestOpset"/>.</exception>
    public GraphNodes(ModelProto model, string path)
    {
        _model = model;
        _path = path;
        var graph = model.Graph;
        _used = graph.Node.SelectMany(n => n.Input.Concat(n.Output).Append(n.Name))
            .Concat(graph.Input.Select(i => i.Name)).Concat(graph.Initializer.Select(t => t.Name)).ToHashSet(StringComparer.Ordinal);
        Opset = (int)(model.OpsetImport.FirstOrDefault(o => o.Domain is "" or "ai.onnx")?.Version ?? 1);
        Require(LowestOpset, "a head");
    }

    /// <summary>The version of the graph's operators.</summary>
    public int Opset { get; }

    /// <exception cref="CommandException">The graph's operators are older.</exception>
    public void Require(int opset, string what)
    {
        if (Opset < opset)
        {
            throw new CommandException($"{_path} has ONNX operators of version {Opset}, and {what} needs {opset}. " +
                $"Write the network with opset {opset} or later (13 is a good one), import it, extract and train again.");
        }
    }

    /// <summary>Adds an operator with one output; the result is that output's name.</summary>
    /// <param name="operation">ONNX' name of it.</param>
    /// <param name="output">What to call its output. A number is added where something has the name already.</param>
    public string Add(string operation, string output, IEnumerable<string> inputs, params ReadOnlySpan<AttributeProto> attributes)
    {
        var name = Unused(output);
        var node = new NodeProto { OpType = operation, Name = name };
        node.Input.AddRange(inputs);
        node.Output.Add(name);
        foreach (var attribute in attributes)
            node.Attribute.Add(attribute);
        _nodes.Add(node);
        return name;
    }

    /// <summary>Adds a node as it is.</summary>
    public void Add(NodeProto node) => _nodes.Add(node);

    /// <summary>Adds a mean, sum or length along one axis, which stays with length 1.</summary>
    /// <remarks>The axis was an attribute until version 18, and until 13 for sums.</remarks>
    public string Reduce(string operation, string output, string input, long axis)
    {
        var isInput = Opset >= (operation == "ReduceSum" ? 13 : 18);
        return isInput
            ? Add(operation, output, [input, Whole($"{output}_axis", [axis])], Int("keepdims", 1))
            : Add(operation, output, [input], Ints("axes", axis), Int("keepdims", 1));
    }

    /// <summary>Adds the larger of a float32 tensor's values and a number.</summary>
    public string AtLeast(string output, string input, float least) => Opset >= 8
        ? Add("Max", output, [input, Floats($"{output}_least", [least])])
        : Add("Clip", output, [input], Float("min", least));

    /// <summary>Adds erf(x) of float32 values.</summary>
    /// <remarks>
    /// Where there is no such operator, by Abramowitz and Stegun's formula 7.1.26, which is off by 1.5e-7 at most, not much more than
    /// float32 is:
    /// sign(x) (1 - (a1 t + a2 t² + ... + a5 t⁵) exp(-x²)), t = 1 / (1 + p |x|).
    /// </remarks>
    public string ErrorFunction(string output, string input)
    {
        if (Opset >= 9)
            return Add("Erf", output, [input]);
        var size = Add("Abs", $"{output}_size", [input]);
        var divisor = Op("Add", "divisor", Op("Mul", "p_size", size, Number("p", 0.3275911f)), Number("one", 1));
        var t = Op("Div", "t", Number("unit", 1), divisor);
        var sum = Number("a5", 1.061405429f);
        ReadOnlySpan<(string, float)> rest = [("a4", -1.453152027f), ("a3", 1.421413741f), ("a2", -0.284496736f), ("a1", 0.254829592f)];
        foreach (var (name, factor) in rest)
            sum = Op("Add", $"{name}_sum", Op("Mul", $"{name}_t", sum, t), Number(name, factor));
        var bell = Add("Exp", $"{output}_bell", [Op("Mul", "minus_square", Add("Neg", $"{output}_minus", [input]), input)]);
        var missing = Op("Mul", "missing", Op("Mul", "sum_t", sum, t), bell);
        var positive = Op("Sub", "positive", Number("whole", 1), missing);

        // There is no Sign either: x / |x|, and 0 for 0. What is so near to 0 that it counts has an erf of 0 in float32.
        var sign = Op("Div", "sign", input, AtLeast($"{output}_no_zero", size, 1e-30f));
        return Add("Mul", output, [sign, positive]);

        string Op(string operation, string part, string a, string b) => Add(operation, $"{output}_{part}", [a, b]);

        string Number(string part, float value) => Floats($"{output}_{part}", [value], 1);
    }

    public string Convert(string output, string input, DataType to) => Add("Cast", output, [input], Int("to", (long)to));

    /// <summary>A float32 constant; the result is its name.</summary>
    public string Floats(string name, ReadOnlySpan<float> values, params ReadOnlySpan<long> shape)
    {
        name = Unused(name);
        _model.Graph.Initializer.Add(OnnxTensor.FromFloats(name, values, shape));
        return name;
    }

    /// <summary>A float64 constant without dimensions where there is one value, otherwise a vector.</summary>
    public string Doubles(string name, params ReadOnlySpan<double> values) =>
        Constant(name, DataType.Double, MemoryMarshal.AsBytes(values), values.Length == 1 ? [] : [values.Length]);

    /// <summary>An int64 vector.</summary>
    public string Whole(string name, params ReadOnlySpan<long> values) =>
        Constant(name, DataType.Int64, MemoryMarshal.AsBytes(values), [values.Length]);

    /// <summary>An int64 without dimensions.</summary>
    public string Number(string name, long value) => Constant(name, DataType.Int64, MemoryMarshal.AsBytes([value]), []);

    /// <summary>Puts what was written behind the graph's nodes.</summary>
    public void Append()
    {
        _model.Graph.Node.AddRange(_nodes);
        _nodes.Clear();
    }

    /// <summary>Puts what was written before the graph's nodes.</summary>
    public void Prepend()
    {
        NodeProto[] all = [.. _nodes, .. _model.Graph.Node];
        _model.Graph.Node.Clear();
        _model.Graph.Node.AddRange(all);
        _nodes.Clear();
    }

    public static AttributeProto Int(string name, long value) => new() { Name = name, Type = AttributeType.Int, I = value };

    public static AttributeProto Float(string name, float value) => new() { Name = name, Type = AttributeType.Float, F = value };

    public static AttributeProto Ints(string name, params ReadOnlySpan<long> values)
    {
        var attribute = new AttributeProto { Name = name, Type = AttributeType.Ints };
        attribute.Ints.AddRange(values.ToArray());
        return attribute;
    }

    private string Constant(string name, DataType type, ReadOnlySpan<byte> bytes, ReadOnlySpan<long> shape)
    {
        name = Unused(name);
        var tensor = new TensorProto { Name = name, DataType = (int)type, RawData = ByteString.CopyFrom(bytes) };
        tensor.Dims.AddRange(shape.ToArray());
        _model.Graph.Initializer.Add(tensor);
        return name;
    }

    private string Unused(string wish)
    {
        var name = wish;
        for (var i = 2; !_used.Add(name); i++)
            name = $"{wish}_{i}";
        return name;
    }
}
