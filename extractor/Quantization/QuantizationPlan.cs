using Headstart.Models;
using Headstart.Models.Onnx;

namespace Headstart.Extraction.Quantization;

/// <summary>
/// Which nodes of a graph will compute with bytes, which tensors need a grid of their own, and which must share channel factors.
/// </summary>
internal sealed class QuantizationPlan
{
    private readonly Dictionary<string, string> _roots = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _groups = new(StringComparer.Ordinal);
    private readonly HashSet<string> _uniform = new(StringComparer.Ordinal);

    private readonly ILookup<string, NodeProto> _readers;

    private QuantizationPlan(ModelProto model)
    {
        Model = model;
        Tensors = model.Graph.Initializer.ToDictionary(t => t.Name, StringComparer.Ordinal);
        _readers = model.Graph.Node.SelectMany(n => n.Input.Select(i => (Tensor: i, Node: n)))
            .ToLookup(r => r.Tensor, r => r.Node, StringComparer.Ordinal);
    }

    public ModelProto Model { get; }

    /// <summary>The initialisers, by name.</summary>
    public IReadOnlyDictionary<string, TensorProto> Tensors { get; }

    /// <summary>In the graph's order.</summary>
    public List<IntegerNode> Nodes { get; } = [];

    /// <summary>Nodes that stay float32, in the graph's order.</summary>
    public List<NodeProto> FloatNodes { get; } = [];

    /// <summary>Tensors with a grid of their own, in the graph's order.</summary>
    public IReadOnlyList<string> Roots => [.. _roots.Values.Distinct()];

    /// <summary>The convolutions in float32, by their node.</summary>
    public Dictionary<NodeProto, FloatConvolution> Convolutions { get; } = new(ReferenceEqualityComparer.Instance);

    /// <summary>Whether a tensor exists as bytes.</summary>
    public bool IsInteger(string tensor) => _roots.ContainsKey(tensor);

    /// <summary>The tensor whose grid this one has.</summary>
    public string Root(string tensor) => _roots[tensor];

    /// <summary>The sets of roots that share channel factors, and whether these may differ from 1.</summary>
    /// <remarks>
    /// They don't where a float32 node reads one of them: ONNX Runtime turns some of these (a sigmoid between two integer convolutions)
    /// into operators of its own, which take one scale only. Where several tensors share factors, a clip's limit would not be the end of
    /// every channel's range.
    /// </remarks>
    public IEnumerable<(IReadOnlyList<string> Roots, bool IsUniform)> Groups
    {
        get
        {
            var uniform =
                FloatNodes.SelectMany(OnnxGraph.Uses).Where(IsInteger).Select(Root).Concat(_uniform).ToHashSet(StringComparer.Ordinal);
            return Roots.GroupBy(Group).Select(
                g => ((IReadOnlyList<string>)[.. g], g.Any(uniform.Contains) || (g.Count() > 1 && g.Any(IsClipped))));
        }
    }

    /// <param name="model">Prepared by <see cref="GraphPreparation"/>.</param>
    /// <param name="shapes">The shape of every float tensor for one image.</param>
    /// <param name="keep">Names of what stays float32; see <see cref="Names"/>.</param>
    public static QuantizationPlan Make(ModelProto model, IReadOnlyDictionary<string, long[]> shapes, IReadOnlyList<string> keep)
    {
        var graph = model.Graph;
        var plan = new QuantizationPlan(model);
        var support = new IntegerSupport(plan.Tensors, shapes, plan.IsInteger);
        var outputs = graph.Output.Select(o => o.Name).ToHashSet(StringComparer.Ordinal);
        var taken = new HashSet<NodeProto>(ReferenceEqualityComparer.Instance);
        foreach (var node in graph.Node.Where(n => !taken.Contains(n)))
        {
            if (!support.Covers(node) || keep.Any(name => plan.IsNamed(name, node)))
            {
                plan.FloatNodes.Add(node);
                continue;
            }

            var activation = node.OpType is "Conv" or "Add" && !outputs.Contains(node.Output[0])
                && plan._readers[node.Output[0]].ToArray() is [var only] && support.IsActivation(only) ? only : null;
            if (activation is not null)
                taken.Add(activation);
            plan.Add(new IntegerNode(node, activation));
        }

        return plan;
    }

    /// <summary>
    /// Whether a user's name means any node: the node's own, that of what it or its activation computes, or of its weights, or a block that
    /// one of these names begins with.
    /// </summary>
    public bool Names(string name) => Model.Graph.Node.Any(n => IsNamed(name, n));

    private bool IsNamed(string name, NodeProto node)
    {
        var activations = _readers[node.Output[0]].Where(r => r.OpType is "Relu" or "Clip");
        var names = node.Output.Concat(node.Input.Skip(1)).Append(node.Name).Concat(activations.SelectMany(r => r.Output.Append(r.Name)));
        return names.Any(n => n == name || (n.StartsWith(name, StringComparison.Ordinal) && n[name.Length] is '_' or '.' or '/'));
    }

    private bool IsClipped(string root) => Nodes.Any(n => n.Output == root && n.Activation?.OpType == "Clip");

    private void Add(IntegerNode planned)
    {
        Nodes.Add(planned);
        var node = planned.Node;
        var output = planned.Output;
        if (node.OpType == "Conv")
        {
            Convolutions[node] = ConvolutionOf(node);
            if (!IsInteger(node.Input[0]))
            {
                // A picture, or what a float32 node computes.
                _roots[node.Input[0]] = node.Input[0];
                _uniform.Add(node.Input[0]);
            }
        }

        _roots[output] = planned.KeepsGrid ? Root(node.Input[0]) : output;
        switch (node.OpType)
        {
            case "Clip":
                _uniform.Add(Root(output));
                break;
            case "Add":
                Join(node.Input[0], output);
                Join(node.Input[1], output);
                break;
            case "AveragePool" or "GlobalAveragePool":
                Join(node.Input[0], output);
                break;
            case "Concat":
                // Their factors would have to be joined end to end. Equal ones need no care.
                _uniform.UnionWith(node.Input.Append(output).Select(Root));
                break;
        }
    }

    private FloatConvolution ConvolutionOf(NodeProto node)
    {
        var kernel = Tensors[node.Input[1]];
        var bias =
            node.Input.Count > 2 && node.Input[2].Length > 0 ? OnnxTensor.ToFloats(Tensors[node.Input[2]]) : new float[kernel.Dims[0]];
        return new FloatConvolution(
            OnnxTensor.ToFloats(kernel), bias, (int)(node.Attribute.FirstOrDefault(a => a.Name == "group")?.I ?? 1), (int)kernel.Dims[1]);
    }

    private string Group(string root)
    {
        while (_groups.TryGetValue(root, out var parent))
            root = parent;
        return root;
    }

    private void Join(string a, string b)
    {
        var (first, second) = (Group(Root(a)), Group(Root(b)));
        if (first != second)
            _groups[second] = first;
    }
}
