using Headstart.Models;
using Headstart.Models.Onnx;

namespace Headstart.Extraction.Quantization;

/// <summary>Writes the graph that a plan describes: bytes inside, float32 wherever somebody else looks.</summary>
/// <remarks>
/// <c>QLinearConv</c> and its relatives rather than quantise-dequantise pairs: what is computed is what stands in the file, whatever ONNX
/// Runtime makes of it. A float tensor keeps its name; the same values as bytes are <c>NAME_quantized</c>.
/// </remarks>
internal sealed class IntegerGraph
{
    private const string MicrosoftDomain = "com.microsoft";

    private readonly QuantizationPlan _plan;
    private readonly IReadOnlyDictionary<string, Grid> _grids;
    private readonly ModelProto _model;
    private readonly HashSet<string> _names;
    private readonly Dictionary<string, string> _bytes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (string Scale, string ZeroPoint)> _gridNames = new(StringComparer.Ordinal);
    private readonly HashSet<string> _floats = new(StringComparer.Ordinal);

    private IntegerGraph(QuantizationPlan plan, IReadOnlyDictionary<string, Grid> grids)
    {
        _plan = plan;
        _grids = grids;
        _model = plan.Model.Clone();
        _model.Graph.Node.Clear();
        _model.Graph.ValueInfo.Clear();
        var graph = plan.Model.Graph;
        _names = graph.Node.SelectMany(n => n.Input.Concat(n.Output)).Concat(plan.Tensors.Keys).ToHashSet(StringComparer.Ordinal);
    }

    /// <param name="plan">What becomes what.</param>
    /// <param name="grids">A grid for every root of the plan.</param>
    /// <param name="convolutions">The rounded weights, by the output of their node.</param>
    /// <param name="outputs">Float32 outputs, inner tensors too; the model's layers when null.</param>
    public static ModelProto Write(
        QuantizationPlan plan, IReadOnlyDictionary<string, Grid> grids, IReadOnlyDictionary<string, IntegerConvolution> convolutions,
        IReadOnlyCollection<string>? outputs = null)
    {
        var written = new IntegerGraph(plan, grids);
        if (outputs is not null)
        {
            written._model.Graph.Output.Clear();
            written._model.Graph.Output.AddRange(outputs.Select(name => new ValueInfoProto { Name = name }));
        }

        written.Write(convolutions);

        // Without the float32 weights.
        return OnnxGraph.CutTo(written._model, [.. written._model.Graph.Output.Select(o => o.Name)]);
    }

    private void Write(IReadOnlyDictionary<string, IntegerConvolution> convolutions)
    {
        var planned = _plan.Nodes.ToDictionary<IntegerNode, object>(n => n.Node, ReferenceEqualityComparer.Instance);
        var activations = _plan.Nodes.Select(n => n.Activation).OfType<NodeProto>().ToHashSet<object>(ReferenceEqualityComparer.Instance);
        foreach (var node in _plan.Model.Graph.Node.Where(n => !activations.Contains(n)))
        {
            if (planned.TryGetValue(node, out var integer))
            {
                Write(integer, convolutions);
                continue;
            }

            foreach (var input in OnnxGraph.Uses(node))
                NeedFloat(input);
            _model.Graph.Node.Add(node.Clone());
        }

        foreach (var output in _model.Graph.Output)
            NeedFloat(output.Name);
        if (_model.Graph.Node.Any(n => n.Domain == MicrosoftDomain) && _model.OpsetImport.All(o => o.Domain != MicrosoftDomain))
            _model.OpsetImport.Add(new OperatorSetIdProto { Domain = MicrosoftDomain, Version = 1 });
    }

    private void Write(IntegerNode integer, IReadOnlyDictionary<string, IntegerConvolution> convolutions)
    {
        var node = integer.Node;
        if (node.OpType == "Conv" && !_bytes.ContainsKey(node.Input[0]))
            WriteQuantize(node.Input[0]);
        var bytes = _bytes[integer.Output] = Unused($"{integer.Output}_quantized");
        string[] Grid(string tensor) => [GridOf(tensor).Scale, GridOf(tensor).ZeroPoint];
        switch (node.OpType)
        {
            case "Conv":
                WriteConvolution(integer, convolutions[integer.Output], bytes);
                break;
            case "MaxPool" or "Pad":
                AddNode(node, node.OpType, "", [_bytes[node.Input[0]], .. node.Input.Skip(1).Take(1), .. PadValue(node)], bytes);
                break;
            case "Relu":
                AddNode(node, "Clip", "", [_bytes[node.Input[0]], GridOf(node.Input[0]).ZeroPoint], bytes);
                break;
            case "Clip":
                WriteClip(node, bytes);
                break;
            case "Concat":
                AddNode(node, "QLinearConcat", MicrosoftDomain,
                    [.. Grid(integer.Output), .. node.Input.SelectMany(i => Grid(i).Prepend(_bytes[i]))], bytes);
                break;
            case "Add":
                AddNode(node, "QLinearAdd", MicrosoftDomain,
                    [.. node.Input.SelectMany(i => Grid(i).Prepend(_bytes[i])), .. Grid(integer.Output)], bytes);
                break;
            default:
                AddNode(node, $"QLinear{node.OpType}", MicrosoftDomain,
                    [_bytes[node.Input[0]], .. Grid(node.Input[0]), .. Grid(integer.Output)], bytes);
                break;
        }
    }

    private void WriteConvolution(IntegerNode integer, IntegerConvolution convolution, string bytes)
    {
        var node = integer.Node;
        var kernel = AddTensor(
            $"{node.Input[1]}_quantized", name => IntegerTensor.Of(name, convolution.Kernel, [.. _plan.Tensors[node.Input[1]].Dims]));
        var scales = AddTensor(
            $"{node.Input[1]}_scale", name => OnnxTensor.FromFloats(name, convolution.WeightScales, convolution.WeightScales.Length));
        var zeros = AddTensor($"{node.Input[1]}_zero_point",
            name => IntegerTensor.Of(name, new sbyte[convolution.WeightScales.Length], convolution.WeightScales.Length));
        var bias = AddTensor($"{integer.Output}_bias_quantized", name => IntegerTensor.Of(name, convolution.Bias, convolution.Bias.Length));
        var (input, output) = (GridOf(node.Input[0]), GridOf(integer.Output));
        AddNode(
            node, "QLinearConv", "",
            [_bytes[node.Input[0]], input.Scale, input.ZeroPoint, kernel, scales, zeros, output.Scale, output.ZeroPoint, bias], bytes);
    }

    private void WriteClip(NodeProto node, string bytes)
    {
        var grid = _grids[_plan.Root(node.Input[0])];
        var (low, high) = new IntegerSupport(_plan.Tensors, new Dictionary<string, long[]>(), _ => true).Limits(node);
        string Limit(string name, float limit) =>
            AddTensor(name, n => IntegerTensor.Of(n, [(byte)Math.Clamp(Math.Round(limit / grid.Scale) + grid.ZeroPoint, 0, 255)]));
        AddNode(
            node, "Clip", "", [_bytes[node.Input[0]], Limit($"{node.Output[0]}_low", low), Limit($"{node.Output[0]}_high", high)], bytes);
    }

    // What lies around the picture is 0, and that is another byte.
    private string[] PadValue(NodeProto node) =>
        node.OpType == "Pad" && node.Attribute.All(a => a.Name != "mode" || a.S.ToStringUtf8() == "constant")
            ? [GridOf(node.Input[0]).ZeroPoint]
            : [];

    private void WriteQuantize(string tensor)
    {
        var (scale, zeroPoint) = GridOf(tensor);
        _floats.Add(tensor);
        _bytes[tensor] = Unused($"{tensor}_quantized");
        AddNode(null, "QuantizeLinear", "", [tensor, scale, zeroPoint], _bytes[tensor]);
    }

    /// <summary>Makes sure that a tensor that is there as bytes is there in float32 too, under its own name.</summary>
    private void NeedFloat(string tensor)
    {
        if (!_bytes.TryGetValue(tensor, out var bytes) || !_floats.Add(tensor))
            return;
        var grid = _grids[_plan.Root(tensor)];
        var (scale, zeroPoint) = GridOf(tensor);
        if (grid.Channels is not { } channels)
        {
            AddNode(null, "DequantizeLinear", "", [bytes, scale, zeroPoint], tensor);
            return;
        }

        var zeros = new byte[channels.Length];
        Array.Fill(zeros, grid.ZeroPoint);
        var scales = AddTensor(
            $"{tensor}_channel_scale", name => OnnxTensor.FromFloats(name, [.. channels.Select((_, c) => grid.Step(c))], channels.Length));
        var points = AddTensor($"{tensor}_channel_zero_point", name => IntegerTensor.Of(name, zeros, zeros.Length));
        AddNode(null, "DequantizeLinear", "", [bytes, scales, points], tensor).Attribute.Add(
            new AttributeProto { Name = "axis", Type = AttributeProto.Types.AttributeType.Int, I = 1 });
    }

    private (string Scale, string ZeroPoint) GridOf(string tensor)
    {
        var root = _plan.Root(tensor);
        if (!_gridNames.TryGetValue(root, out var names))
        {
            var grid = _grids[root];
            names = _gridNames[root] = (
                AddTensor($"{root}_scale", name => OnnxTensor.FromFloats(name, [grid.Scale])),
                AddTensor($"{root}_zero_point", name => IntegerTensor.Of(name, [grid.ZeroPoint])));
        }

        return names;
    }

    private NodeProto AddNode(NodeProto? original, string type, string domain, string[] inputs, string output)
    {
        var node =
            new NodeProto { OpType = type, Domain = domain, Name = original?.Name is { Length: > 0 } name ? name : $"{output}_{type}" };
        node.Input.AddRange(inputs);
        node.Output.Add(output);
        if (original is not null)
            node.Attribute.AddRange(original.Attribute.Select(a => a.Clone()));
        _model.Graph.Node.Add(node);
        return node;
    }

    private string AddTensor(string wish, Func<string, TensorProto> make)
    {
        var name = Unused(wish);
        _model.Graph.Initializer.Add(make(name));
        return name;
    }

    private string Unused(string wish)
    {
        var name = wish;
        for (var i = 2; !_names.Add(name); i++)
            name = $"{wish}_{i}";
        return name;
    }
}
