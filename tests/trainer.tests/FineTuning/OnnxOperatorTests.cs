using Google.Protobuf;
using Headstart.Models;
using Headstart.Models.Onnx;
using Headstart.Preprocessing;
using Headstart.Trainer.FineTuning;
using static TorchSharp.torch;

namespace Headstart.Tests.FineTuning;

/// <summary>Every operator that a tail is rebuilt from, beside ONNX Runtime.</summary>
public sealed class OnnxOperatorTests : IDisposable
{
    private const double Tolerance = 1e-6;
    private const int Channels = 4;
    private const int Size = 9;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> Nodes =>
    [
        "Conv", "Conv group=4", "Conv group=2 strides=2,2 pads=0,0,1,1", "Conv pads=1,1,1,1 dilations=2,2",
        "Conv auto_pad=SAME_UPPER strides=2,2", "Conv auto_pad=SAME_LOWER strides=2,2",
        "Conv auto_pad=VALID", "BatchNormalization epsilon=0.01", "Relu", "Clip", "Clip6", "Add", "AddConstant", "Pad", "Identity",
        "GlobalAveragePool",
        "MaxPool kernel_shape=2,2 strides=2,2", "MaxPool kernel_shape=3,3 strides=2,2 pads=1,1,1,1",
        "MaxPool kernel_shape=3,3 strides=2,2 pads=0,0,1,1", "MaxPool kernel_shape=3,3 auto_pad=SAME_UPPER strides=2,2",
        "MaxPool kernel_shape=2,2 strides=2,2 ceil_mode=1", "AveragePool kernel_shape=3,3 strides=2,2",
        "AveragePool kernel_shape=3,3 strides=2,2 pads=1,1,1,1",
        "AveragePool kernel_shape=3,3 strides=2,2 pads=1,1,1,1 count_include_pad=1",
        "AveragePool kernel_shape=3,3 strides=2,2 pads=0,0,1,1",
        "AveragePool kernel_shape=3,3 strides=2,2 pads=0,0,1,1 count_include_pad=1", "Flatten", "Gemm transB=1", "Gemm",
    ];

    [Theory]
    [MemberData(nameof(Nodes))]
    public void Operator_agrees_with_ONNX_Runtime(string written)
    {
        var model = Model(written);
        var images = Values("images", 2 * 3 * Size * Size);
        using var tail = OnnxTail.FromModel(model, CPU, null, "out");
        using var scope = NewDisposeScope();

        using var found = tail.Forward(tensor(images, [2, 3, Size, Size])).contiguous();

        Assert.InRange(OnnxRuntimeReference.RelativeDistance(
            found.data<float>().ToArray(), OnnxRuntimeReference.Run(model.Proto, images, Size)["out"]), 0, Tolerance);
        tail.Unfreeze(null);
        tail.Forward(tensor(images, [2, 3, Size, Size])).sum().backward(); // what is overwritten in place must not be needed again
        Assert.All(tail.Trained, p => Assert.NotNull(p.Value.grad));
    }

    [Theory]
    [InlineData("Sigmoid", "the node that computes 'out' has an operator Sigmoid, which fine-tuning doesn't know. It knows Conv,")]
    [InlineData("Pad mode=reflect", "a Pad of mode 'reflect'")]
    [InlineData("Flatten axis=2", "a Flatten with another axis than 1")]
    [InlineData("AveragePool kernel_shape=3,3 ceil_mode=1", "an AveragePool with ceil_mode or dilations")]
    public void What_is_not_known_is_named(string written, string words) =>
        Assert.Contains(words, Assert.Throws<CommandException>(() => OnnxTail.FromModel(Model(written), CPU, null, "out")).Message,
            StringComparison.Ordinal);

    // A branch around the tuned part: what it goes through is frozen, and what joins it is tuned.
    [Fact]
    public void Only_what_is_computed_from_the_tensor_is_unfrozen()
    {
        var model = Model("Add");
        using var tail = OnnxTail.FromModel(model, CPU, null, "out");

        tail.Unfreeze("other");
        Assert.Empty(tail.Trained);
        tail.Unfreeze("in");
        Assert.Equal(["other.weight"], tail.Trained.Select(p => p.Name));
        tail.Unfreeze("image");
        Assert.Equal(["first.weight", "other.weight"], tail.Trained.Select(p => p.Name));
        Assert.Equal([1, 2], tail.Trained.Select(p => p.Block));
    }

    /// <summary>A convolution of 3 to 4 channels, so that values have signs and a gradient has a way, and then the node.</summary>
    private ModelFile Model(string written)
    {
        var words = written.Split(' ');
        var graph = new GraphProto { Name = "operator" };
        graph.Input.Add(VggGraph.Describe("image", new LayerShape(3, Size, Size)));
        graph.Initializer.Add(OnnxTensor.FromFloats("first.weight", Values("first", Channels * 3), Channels, 3, 1, 1));
        graph.Node.Add(Node("Conv", "in", "image", "first.weight"));
        var node = Node(words[0], "out", "in");
        var opset = 13;
        switch (words[0])
        {
            case "Conv":
                var group = words.FirstOrDefault(w => w.StartsWith("group=", StringComparison.Ordinal)) is { } g ? g[6] - '0' : 1;
                graph.Initializer.Add(OnnxTensor.FromFloats("w", Values("w", 8 * Channels / group * 9), 8, Channels / group, 3, 3));
                graph.Initializer.Add(OnnxTensor.FromFloats("b", Values("b", 8), 8));
                node.Input.AddRange(["w", "b"]);
                break;
            case "BatchNormalization":
                foreach (var name in new[] { "scale", "shift", "mean", "variance" })
                {
                    graph.Initializer.Add(
                        OnnxTensor.FromFloats(name, [.. Values(name, Channels).Select(v => Math.Abs(v) + 0.1f)], Channels));
                    node.Input.Add(name);
                }

                break;
            case "Clip":
                graph.Initializer.Add(OnnxTensor.FromFloats("low", [-0.1f]));
                var six = Node("Constant", "high");
                six.Attribute.Add(new AttributeProto
                {
                    Name = "value",
                    Type = AttributeProto.Types.AttributeType.Tensor,
                    T = OnnxTensor.FromFloats("", [0.2f]),
                });
                graph.Node.Add(six);
                node.Input.AddRange(["low", "high"]);
                break;
            case "Clip6":
                (node.OpType, opset) = ("Clip", 10);
                node.Attribute.Add(new AttributeProto { Name = "min", Type = AttributeProto.Types.AttributeType.Float, F = -0.1f });
                node.Attribute.Add(new AttributeProto { Name = "max", Type = AttributeProto.Types.AttributeType.Float, F = 0.2f });
                break;
            case "Add":
                graph.Initializer.Add(
                    OnnxTensor.FromFloats("other.weight", Values("other", Channels * Channels), Channels, Channels, 1, 1));
                graph.Node.Add(Node("Conv", "other", "in", "other.weight"));
                node.Input.Add("other");
                break;
            case "AddConstant":
                node.OpType = "Add";
                graph.Initializer.Add(OnnxTensor.FromFloats("b", Values("b", Channels), Channels, 1, 1));
                node.Input.Insert(0, "b");
                break;
            case "Pad":
                var pads = new TensorProto { Name = "pads", DataType = (int)TensorProto.Types.DataType.Int64 };
                pads.Dims.Add(8);
                pads.Int64Data.AddRange([0, 0, 1, 2, 0, 0, 3, 0]);
                graph.Initializer.Add(pads);
                node.Input.Add("pads");
                break;
            case "Gemm":
                graph.Node.Add(Node("Flatten", "flat", "in"));
                var inputs = Channels * Size * Size;
                graph.Initializer.Add(words.Length > 1
                    ? OnnxTensor.FromFloats("w", Values("w", 5 * inputs), 5, inputs)
                    : OnnxTensor.FromFloats("w", Values("w", 5 * inputs), inputs, 5));
                graph.Initializer.Add(OnnxTensor.FromFloats("b", Values("b", 5), 5));
                node.Input[0] = "flat";
                node.Input.AddRange(["w", "b"]);
                break;
        }

        node.Attribute.AddRange(words.Skip(1).Select(Attribute));
        graph.Node.Add(node);
        graph.Output.Add(
            new ValueInfoProto { Name = "out", Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = 1 } } });
        var proto = new ModelProto { IrVersion = 8, Graph = graph };
        proto.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = opset });
        return VggSample.Save(_folder, proto, new ModelContract
        {
            Name = "operator",
            Architecture = "onnx",
            Preprocessing = Presets.Keras with { Size = Size },
            Layers = [new ModelLayer("out", new LayerShape(1, 1, 1))],
            Weights = new WeightsSource("seeded", new string('0', 64)),
        });
    }

    private static NodeProto Node(string operation, string output, params string[] inputs)
    {
        var node = new NodeProto { OpType = operation };
        node.Input.AddRange(inputs);
        node.Output.Add(output);
        return node;
    }

    private static AttributeProto Attribute(string written)
    {
        var (name, value) = (written.Split('=')[0], written.Split('=')[1]);
        var attribute = new AttributeProto { Name = name };
        if (name is "auto_pad" or "mode")
        {
            (attribute.Type, attribute.S) = (AttributeProto.Types.AttributeType.String, ByteString.CopyFromUtf8(value));
        }
        else if (name is "epsilon")
        {
            (attribute.Type, attribute.F) =
                (AttributeProto.Types.AttributeType.Float, float.Parse(value, System.Globalization.CultureInfo.InvariantCulture));
        }
        else if (value.Contains(',', StringComparison.Ordinal))
        {
            attribute.Type = AttributeProto.Types.AttributeType.Ints;
            attribute.Ints.AddRange(value.Split(',').Select(v => long.Parse(v, System.Globalization.CultureInfo.InvariantCulture)));
        }
        else
        {
            (attribute.Type, attribute.I) =
                (AttributeProto.Types.AttributeType.Int, long.Parse(value, System.Globalization.CultureInfo.InvariantCulture));
        }

        return attribute;
    }

    private static float[] Values(string name, int count)
    {
        var random = new SeededRandom(3, name);
        var values = new float[count];
        for (var i = 0; i < count; i++)
            values[i] = (float)(((random.NextBits() >> 11) * (2.0 / (1UL << 53))) - 1);
        return values;
    }
}
