using Headstart.Models;
using Headstart.Models.Onnx;
using Headstart.Safetensors;
using Headstart.Trainer.Tensors;
using static TorchSharp.torch;

namespace Headstart.Trainer.FineTuning;

/// <summary>
/// A stretch of a base in libtorch, rebuilt from the nodes of its ONNX graph: from the image, or from a layer's features, down to a deeper
/// layer.
/// </summary>
/// <remarks>
/// All weights are frozen until <see cref="Unfreeze"/>. Computes in channels-last memory format, in which libtorch's convolutions are
/// faster on a CPU; shapes, names and values are those of the ONNX graph all the same. <see cref="TailCheck"/> holds it to ONNX Runtime.
/// Not thread-safe.
/// </remarks>
internal sealed class OnnxTail : IDisposable
{
    private readonly string _input;
    private readonly IReadOnlyList<Node> _nodes;
    private readonly OnnxTailWeights _weights;
    private readonly ScalarType _type;
    private readonly ModelFile _model;

    private OnnxTail(
        ModelFile model, string? after, string to, string input, IReadOnlyList<Node> nodes, OnnxTailWeights weights, ScalarType type)
    {
        After = after;
        To = to;
        _model = model;
        _input = input;
        _nodes = nodes;
        _weights = weights;
        _type = type;
        Parameters = [.. weights.Parameters];
    }

    /// <summary>The base.</summary>
    public ModelFile Model => _model;

    /// <summary>What it computes in.</summary>
    public ComputePrecision Precision => _type == ScalarType.BFloat16 ? ComputePrecision.Bfloat16 : ComputePrecision.Float32;

    /// <summary>The layer whose features go in, or null for the image.</summary>
    public string? After { get; }

    /// <summary>The layer whose features come out.</summary>
    public string To { get; }

    /// <summary>What can be trained: kernels (OIHW), biases, and the scales and shifts of batch norms; shallow first.</summary>
    public IReadOnlyList<TailParameter> Parameters { get; }

    /// <summary>Those that are unfrozen.</summary>
    public IReadOnlyList<TailParameter> Trained => [.. Parameters.Where(p => p.Value.requires_grad)];

    /// <summary>Whether batch norms are left in it, with their statistics frozen.</summary>
    public bool HasBatchNorm => _nodes.Any(n => n.Proto.OpType == "BatchNormalization");

    /// <summary>The stretch of a model file's network between two layers, with the file's weights.</summary>
    /// <param name="model">Any base of known operators.</param>
    /// <param name="device">Where it computes.</param>
    /// <param name="after">The layer whose features will go in; null to start from the image.</param>
    /// <param name="to">The layer whose features come out.</param>
    /// <param name="precision">What it computes in.</param>
    /// <param name="kernels">Compute its convolutions; the usual ones when null.</param>
    /// <exception cref="CommandException">A layer that isn't there or doesn't lead to the other, or an operator that is not
    /// known.</exception>
    public static OnnxTail FromModel(
        ModelFile model, Device device, string? after, string to, ComputePrecision precision = ComputePrecision.Float32,
        ConvolutionKernels? kernels = null)
    {
        var graph = Between(model, after, to);
        var weights = new OnnxTailWeights(graph, device, precision);
        try
        {
            var blocks = new BlockNumbers(model.Contract.Architecture);
            var uses = graph.Node.SelectMany(n => n.Input).Append(to).CountBy(name => name, StringComparer.Ordinal)
                .ToDictionary(StringComparer.Ordinal);
            var nodes = new List<Node>();
            var overwritable = new HashSet<string>(StringComparer.Ordinal);
            foreach (var proto in graph.Node.Where(n => n.OpType != "Constant"))
            {
                // Overwriting what another node's backward pass needs would be an error; these need their inputs alone.
                var inPlace = uses[proto.Input[0]] == 1 && overwritable.Contains(proto.Input[0]);
                var inputs = proto.Input.Where(i => i.Length > 0 && !weights.Has(i)).ToArray();
                var (compute, convolution) = Create(proto, inPlace, blocks.Of(proto));
                nodes.Add(new Node(proto, inputs, proto.Output[0], compute, convolution));
                if (convolution is { GivesView: false } || proto.OpType is "BatchNormalization" or "Add")
                    overwritable.Add(proto.Output[0]);
            }

            for (var i = 0; i < nodes.Count; i++)
                nodes[i] = nodes[i] with
                {
                    LastUses =
                        [.. nodes[i].Inputs.Distinct().Where(name => name != to && !nodes.Skip(i + 1).Any(n => n.Inputs.Contains(name)))],
                };
            return new OnnxTail(model, after, to, after ?? OnnxGraph.FedInputs(graph)[0].Name, nodes, weights, precision.Type());
        }
        catch
        {
            weights.Dispose();
            throw;
        }

        (TailOperator, TailConvolution?) Create(NodeProto proto, bool inPlace, int block)
        {
            try
            {
                if (proto.OpType != "Conv" || proto.Domain is not ("" or "ai.onnx"))
                    return (OnnxTailOperators.Create(proto, weights, block, inPlace), null);
                var convolution = OnnxTailOperators.Convolution(proto, weights, block, kernels ?? ConvolutionKernels.Default);
                return (tensors => convolution.Compute(tensors[0]), convolution);
            }
            catch (NotSupportedException e)
            {
                throw new CommandException(
                    $"{model.Path}: the node that computes '{proto.Output[0]}' has {e.Message}, which fine-tuning doesn't know. It knows " +
                    $"{string.Join(", ", OnnxTailOperators.Names)}. Unfreeze from a tensor after it, with --unfreeze-from and a cache of " +
                    "that layer; or train a head alone.");
            }
        }
    }

    /// <summary>Lets everything that is computed from a tensor be trained, and freezes the rest.</summary>
    /// <param name="from">A tensor of this stretch; its input, or null for all of it.</param>
    public void Unfreeze(string? from)
    {
        var reached = new HashSet<string>(StringComparer.Ordinal) { from ?? _input };
        var trained = new HashSet<string>(StringComparer.Ordinal);
        foreach (var node in _nodes.Where(n => n.Inputs.Any(reached.Contains)))
        {
            reached.Add(node.Output);
            trained.UnionWith(node.Proto.Input);
        }

        foreach (var parameter in Parameters)
            parameter.Value.requires_grad = trained.Contains(parameter.Name);
    }

    /// <summary>
    /// Features of <see cref="To"/> in float32 from images or from the features of <see cref="After"/>. The result is the caller's.
    /// </summary>
    /// <remarks>libtorch keeps what the backward pass needs from the first unfrozen weight on, and nothing of what is before it.</remarks>
    public Tensor Forward(Tensor input) => Forward(input, null);

    /// <param name="input">As above.</param>
    /// <param name="onNode">Shown each node's inputs and output, which are not its own: later nodes may overwrite them.</param>
    public Tensor Forward(Tensor input, Action<TailStep>? onNode)
    {
        using var whole = NewDisposeScope();
        var known = new Dictionary<string, Tensor>(StringComparer.Ordinal)
        {
            [_input] = Converted(input.dim() == 4 ? ChannelsLast.Of(input) : input.alias(), _type),
        };
        foreach (var node in _nodes)
        {
            var output = Run(node);
            onNode?.Invoke(new TailStep(node.Proto, node.Convolution, Array.ConvertAll(node.Inputs, name => known[name]), output));
            foreach (var name in node.LastUses.Where(name => !ReferenceEquals(known[name], output)))
                known[name].Dispose();
            known[node.Output] = output;
        }

        return Converted(known[To], ScalarType.Float32).MoveToOuterDisposeScope();

        Tensor Run(Node node)
        {
            using var scope = NewDisposeScope();
            var output = node.Compute(Array.ConvertAll(node.Inputs, name => known[name]));
            return node.Inputs.Any(name => ReferenceEquals(known[name], output)) ? output : output.MoveToOuterDisposeScope();
        }

        static Tensor Converted(Tensor tensor, ScalarType type) => tensor.dtype == type ? tensor : tensor.to(type);
    }

    /// <summary>Takes over stored weights.</summary>
    /// <param name="tensors">Of the names of <see cref="Parameters"/>, with their shapes; those that are not named keep their
    /// values.</param>
    /// <param name="source">The file, for messages.</param>
    /// <exception cref="CommandException">A tensor that has no place here, or another shape; nothing is changed.</exception>
    public void Load(IReadOnlyCollection<NamedTensor> tensors, string source)
    {
        var own = Parameters.ToDictionary(p => p.Name, p => p.Value, StringComparer.Ordinal);
        foreach (var tensor in tensors)
        {
            if (!own.TryGetValue(tensor.Name, out var value))
            {
                throw new CommandException(
                    $"{source} has a tensor '{tensor.Name}', which is no weight of {_model.Path} from {After ?? "the image"} to {To}. " +
                    (After is null
                        ? "Pass the model that it was tuned from."
                        : "What it tuned begins before that layer: use a shallower one."));
            }

            if (!tensor.Shape.SequenceEqual(value.shape))
            {
                throw new CommandException(
                    $"{source} has '{tensor.Name}' as [{string.Join(", ", tensor.Shape)}] instead of [{string.Join(", ", value.shape)}]. " +
                    "Pass the model that it was tuned from.");
            }
        }

        foreach (var tensor in tensors)
            tensor.CopyTo(own[tensor.Name]);
        _weights.ForgetConverted();
    }

    public void Dispose() => _weights.Dispose();

    /// <summary>
    /// This stretch as a graph of its own, with every tensor that a node computes among its outputs, and with the weights as they are now.
    /// </summary>
    public ModelProto ToGraph()
    {
        var outputs = OnnxGraph.ComputedTensors(Between(_model, After, To)).Where(name => _nodes.Any(n => n.Output == name)).ToList();
        var cut = After is null ? OnnxGraph.CutTo(_model.Proto, outputs) : OnnxGraph.CutBetween(_model.Proto, [After], outputs)!;
        var own = Parameters.ToDictionary(p => p.Name, p => p.Value, StringComparer.Ordinal);
        for (var i = 0; i < cut.Graph.Initializer.Count; i++)
        {
            if (own.TryGetValue(cut.Graph.Initializer[i].Name, out var value))
                cut.Graph.Initializer[i] = Stored(value, cut.Graph.Initializer[i].Name);
        }

        foreach (var constant in cut.Graph.Node.Where(n => n.OpType == "Constant"))
        {
            if (own.TryGetValue(constant.Output[0], out var value))
                constant.Attribute.First(a => a.Name == "value").T = Stored(value, "");
        }

        return cut;

        static TensorProto Stored(Tensor value, string name) => OnnxTensor.FromFloats(name, value.ToNamed(name).Values, value.shape);
    }

    private static GraphProto Between(ModelFile model, string? after, string to)
    {
        if (after == to)
            throw new CommandException(
                $"Nothing lies between {after} and {to}: the features must come from a shallower layer than the head's.");
        if (after is null)
            return OnnxGraph.CutTo(model.Proto, [to]).Graph;
        if (!OnnxGraph.ComputedTensors(model.Proto.Graph).Contains(after))
            throw OnnxGraph.UnknownTensor(after, OnnxGraph.ComputedTensors(model.Proto.Graph));
        return OnnxGraph.CutBetween(model.Proto, [after], [to])?.Graph
            ?? throw new CommandException(
                $"{model.Path}: {to} can't be computed from {after} alone. Use a layer that everything before {to} goes through.");
    }

    private sealed record Node(NodeProto Proto, string[] Inputs, string Output, TailOperator Compute, TailConvolution? Convolution)
    {
        /// <summary>Computed tensors that no later node needs.</summary>
        public string[] LastUses { get; init; } = [];
    }

    // A VGG's weights are named after their blocks; elsewhere every layer with weights of its own is a block, with the batch norm that
    // follows it.
    private sealed class BlockNumbers(string architecture)
    {
        private readonly Dictionary<string, int>? _known =
            VggArchitecture.All.FirstOrDefault(a => a.Name == architecture)?.Convolutions.ToDictionary(
                c => $"{c.Name}.weight", c => c.Block, StringComparer.Ordinal);

        private int _layers;

        public int Of(NodeProto node)
        {
            var hasWeights = node.OpType is "Conv" or "Gemm";
            if (hasWeights && _known is not null && _known.TryGetValue(node.Input[1], out var block))
                return block;
            return hasWeights ? ++_layers : _layers;
        }
    }
}
