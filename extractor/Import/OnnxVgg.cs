using Headstart.Models;
using Headstart.Models.Onnx;

namespace Headstart.Extraction.Import;

/// <summary>A VGG found in an ONNX graph by its structure, whatever its tensors are called.</summary>
/// <remarks>From the input on: 3x3 convolutions with stride 1 and padding 1, each with an optional batch norm and a ReLU, and 2x2 max
/// poolings that close the blocks. What comes after is not read, but <see cref="Rest"/> names it.</remarks>
internal sealed class OnnxVgg
{
    private readonly List<List<ConvolutionWeights>> _blocks = [[]];
    private readonly Dictionary<string, string> _tensors = new(StringComparer.Ordinal);
    private readonly GraphProto _graph;
    private readonly Dictionary<string, TensorProto> _constants = new(StringComparer.Ordinal);
    private readonly HashSet<NodeProto> _walked = new(ReferenceEqualityComparer.Instance);

    private OnnxVgg(GraphProto graph)
    {
        _graph = graph;
        foreach (var initialiser in graph.Initializer)
            _constants[initialiser.Name] = initialiser;
    }

    public bool HasBatchNorm { get; private set; }

    /// <summary>The number of blocks that a pooling closes.</summary>
    public int ClosedBlocks => _blocks.Count - 1;

    /// <summary>Why the walk ended where it did, to tell a user who says that this is a VGG.</summary>
    public string End { get; private set; } = "";

    /// <summary>The number of convolutions in each block, such as <c>2, 2, 4</c>.</summary>
    public string Blocks => string.Join(", ", _blocks.Where(b => b.Count > 0).Select(b => b.Count));

    /// <summary>The nodes that the walk did not come to.</summary>
    public IEnumerable<NodeProto> Rest => _graph.Node.Where(n => !_walked.Contains(n));

    /// <summary>The graph's own name of a layer.</summary>
    /// <param name="layer">Keras' name of a layer that the walk came to.</param>
    public string TensorOf(string layer) => _tensors[layer];

    /// <summary>Keras' name of a tensor; null where it is no layer that the walk came to.</summary>
    public string? LayerOf(string tensor) => _tensors.FirstOrDefault(t => t.Value == tensor).Key;

    /// <summary>Walks the graph from its input as far as it is a VGG.</summary>
    /// <exception cref="CommandException">A weight tensor contradicts its own dimensions.</exception>
    public static OnnxVgg Walk(ModelProto model)
    {
        var vgg = new OnnxVgg(model.Graph);
        if (OnnxGraph.FedInputs(model.Graph) is [var input])
            vgg.WalkFrom(input.Name);
        else
            vgg.End = "it has several inputs";
        return vgg;
    }

    /// <summary>The convolutions of an architecture that the graph has; null when it has others, or closes a block too early.</summary>
    public IReadOnlySet<VggConvolution>? ConvolutionsOf(VggArchitecture architecture)
    {
        var has = new HashSet<VggConvolution>();
        foreach (var block in architecture.Convolutions.GroupBy(c => c.Block).TakeWhile(b => b.Key <= _blocks.Count))
        {
            var found = _blocks[block.Key - 1];
            if (found.Count > block.Count() || (block.Key <= ClosedBlocks && found.Count < block.Count()))
                return null;
            foreach (var (convolution, weights) in block.Zip(found))
            {
                if (weights.Bias.Length != convolution.OutChannels
                    || weights.Kernel.Length != convolution.OutChannels * convolution.InChannels * 9)
                    return null;
                has.Add(convolution);
            }
        }

        return ClosedBlocks <= architecture.Blocks.Count
            && (_blocks.Count <= architecture.Blocks.Count || _blocks[^1].Count == 0) ? has : null;
    }

    public ConvolutionWeights Read(VggConvolution convolution) => _blocks[convolution.Block - 1][convolution.Index - 1];

    private void WalkFrom(string tensor)
    {
        // A damaged graph may go in circles; a whole one is through after its last node.
        for (var steps = 0; steps < _graph.Node.Count && Next(tensor) is { } node; steps++)
        {
            _walked.Add(node);
            switch (node.OpType)
            {
                case "Transpose" when _blocks is [[]] && Integers(node, "perm") is [0, 3, 1, 2]:
                    tensor = node.Output[0]; // An NHWC input.
                    break;
                case "Conv":
                    if (ReadConvolution(node) is not { } end)
                    {
                        _walked.Remove(node);
                        return;
                    }

                    tensor = end;
                    break;
                case "MaxPool" when _blocks[^1].Count > 0:
                    if (!(Integers(node, "kernel_shape") is [2, 2] && Integers(node, "strides") is [2, 2]
                        && Integers(node, "pads") is null or [0, 0, 0, 0]
                        && Integers(node, "dilations") is null or [1, 1] && Integer(node, "ceil_mode", 0) == 0))
                    {
                        End = $"MaxPool '{node.Name}' is not 2 x 2 with stride 2";
                        _walked.Remove(node);
                        return;
                    }

                    tensor = _tensors[VggArchitecture.PoolName(_blocks.Count)] = node.Output[0];
                    _blocks.Add([]);
                    End = $"the graph ends after {_blocks.Count - 1} poolings";
                    break;
                default:
                    End = $"after {_blocks.Sum(b => b.Count)} convolutions comes {node.OpType} '{node.Name}'";
                    _walked.Remove(node);
                    return;
            }
        }
    }

    /// <summary>Conv, then perhaps an Add of a bias and a BatchNormalization, then Relu.</summary>
    /// <returns>The tensor after the ReLU, or null where this is not a VGG's convolution.</returns>
    private string? ReadConvolution(NodeProto conv)
    {
        End = $"Conv '{conv.Name}' is not a VGG's: 3 x 3, stride 1, padding 1, with constant weights and a ReLU after it";
        var padded = Integers(conv, "pads") is [1, 1, 1, 1] || Text(conv, "auto_pad") is "SAME_UPPER" or "SAME_LOWER";
        if (!padded || Integers(conv, "strides") is not (null or [1, 1]) || Integers(conv, "dilations") is not (null or [1, 1])
            || Integer(conv, "group", 1) != 1)
            return null;
        if (conv.Input.Count < 2 || !_constants.TryGetValue(conv.Input[1], out var kernel) || kernel.Dims is not [_, _, 3, 3])
            return null;
        var outChannels = (int)kernel.Dims[0];
        float[]? bias = null;
        if (conv.Input.Count > 2 && conv.Input[2].Length > 0 && (bias = Vector(conv.Input[2], outChannels)) is null)
            return null;
        var weights = new ConvolutionWeights(OnnxTensor.ToFloats(kernel), bias ?? new float[outChannels]);

        var node = Next(conv.Output[0]);
        if (node?.OpType == "Add" && bias is null
            && Vector(node.Input[0] == conv.Output[0] ? node.Input[1] : node.Input[0], outChannels) is { } added)
        {
            weights = weights with { Bias = added };
            _walked.Add(node);
            node = Next(node.Output[0]);
        }

        if (node?.OpType == "BatchNormalization" && node.Input.Count == 5)
        {
            var parameters = node.Input.Skip(1).Select(name => Vector(name, outChannels)).ToArray();
            if (parameters is not [{ } scale, { } shift, { } mean, { } variance] || Integer(node, "training_mode", 0) != 0)
                return null;
            var epsilon = node.Attribute.FirstOrDefault(a => a.Name == "epsilon")?.F ?? 1e-5f;
            weights = BatchNorm.Fold(weights, scale, shift, mean, variance, epsilon);
            HasBatchNorm = true;
            _walked.Add(node);
            node = Next(node.Output[0]);
        }

        if (node?.OpType != "Relu")
            return null;
        _walked.Add(node);
        _blocks[^1].Add(weights);
        _tensors[$"block{_blocks.Count}_conv{_blocks[^1].Count}"] = node.Output[0];
        End = $"the graph ends after {_blocks.Sum(b => b.Count)} convolutions";
        return node.Output[0];
    }

    /// <summary>The one node that goes on from a tensor.</summary>
    private NodeProto? Next(string tensor) =>
        _graph.Node.Where(n => n.Input.Contains(tensor) && n.OpType != "Shape").Take(2).ToArray() is [var only] ? only : null;

    /// <summary>A value an output channel, in any of the shapes [C], [C, 1, 1] and [1, C, 1, 1].</summary>
    private float[]? Vector(string name, int channels) =>
        _constants.TryGetValue(name, out var tensor) && tensor.Dims.Where(d => d != 1).ToArray() is { Length: <= 1 }
            && tensor.Dims.Aggregate(1L, (a, b) => a * b) == channels
            && (tensor.Dims.Count == 1 || tensor.Dims.Count >= 3 && tensor.Dims[^3] == channels)
            ? OnnxTensor.ToFloats(tensor)
            : null;

    private static long[]? Integers(NodeProto node, string attribute) =>
        node.Attribute.FirstOrDefault(a => a.Name == attribute)?.Ints.ToArray();

    private static long Integer(NodeProto node, string attribute, long otherwise) =>
        node.Attribute.FirstOrDefault(a => a.Name == attribute)?.I ?? otherwise;

    private static string? Text(NodeProto node, string attribute) =>
        node.Attribute.FirstOrDefault(a => a.Name == attribute)?.S.ToStringUtf8();
}
