using Google.Protobuf;
using Headstart.Models;
using Headstart.Models.Onnx;
using Headstart.Preprocessing;
using AttributeType = Headstart.Models.Onnx.AttributeProto.Types.AttributeType;
using DataType = Headstart.Models.Onnx.TensorProto.Types.DataType;

namespace Headstart.Tests.Models;

/// <summary>Little ONNX graphs, built from the schema.</summary>
internal static class OnnxSamples
{
    /// <summary>Preprocessing for 8 x 8 images that leaves pixels as they are.</summary>
    public static ImagePreprocessing Plain { get; } =
        Presets.Mobilenet with { Preset = "custom", Size = 8, DivideBy = 1, Mean = [0, 0, 0] };

    public static ModelProto Model(int opset, ValueInfoProto input, string[] outputs, NodeProto[] nodes, params TensorProto[] initialisers)
    {
        var graph = new GraphProto { Name = "sample" };
        graph.Input.Add(input);
        graph.Output.AddRange(outputs.Select(name => new ValueInfoProto { Name = name }));
        graph.Node.AddRange(nodes);
        graph.Initializer.AddRange(initialisers);
        var model = new ModelProto { IrVersion = 8, Graph = graph };
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = opset });
        return model;
    }

    /// <summary>A description of a tensor; a dimension of 0 is a dynamic one.</summary>
    public static ValueInfoProto Input(string name, DataType type, params long[] dims)
    {
        var shape = new TensorShapeProto();
        shape.Dim.AddRange(dims.Select((d, i) => d == 0
            ? new TensorShapeProto.Types.Dimension { DimParam = $"d{i}" }
            : new TensorShapeProto.Types.Dimension { DimValue = d }));
        return new ValueInfoProto
        {
            Name = name,
            Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)type, Shape = shape } },
        };
    }

    public static NodeProto Node(string op, string[] inputs, string output, params AttributeProto[] attributes)
    {
        var node = new NodeProto { OpType = op, Name = $"{op}_{output}" };
        node.Input.AddRange(inputs);
        node.Output.Add(output);
        node.Attribute.AddRange(attributes);
        return node;
    }

    public static AttributeProto Ints(string name, params long[] values)
    {
        var attribute = new AttributeProto { Name = name, Type = AttributeType.Ints };
        attribute.Ints.AddRange(values);
        return attribute;
    }

    public static AttributeProto Int(string name, long value) => new() { Name = name, Type = AttributeType.Int, I = value };

    public static NodeProto Cast(string input, string output, DataType to) => Node("Cast", [input], output, Int("to", (long)to));

    public static TensorProto Int64s(string name, params long[] values)
    {
        var tensor = new TensorProto { Name = name, DataType = (int)DataType.Int64 };
        tensor.Dims.Add(values.Length);
        tensor.Int64Data.AddRange(values);
        return tensor;
    }

    /// <summary>Seeded values in -1..1.</summary>
    public static TensorProto Noise(string name, int seed, params long[] dims) => OnnxTensor.FromFloats(name, Noise(seed, dims), dims);

    public static float[] Noise(int seed, params long[] dims)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, (int)dims.Aggregate(1L, (a, b) => a * b)).Select(_ => (random.NextSingle() * 2) - 1)];
    }

    /// <summary>
    /// conv -> batch norm -> relu -> conv, added to what came in: outputs <c>features</c> [N, 4, 8, 8] and <c>logits</c> [N, 2].
    /// </summary>
    public static ModelProto Residual(params long[] inputDims) => Model(
        opset: 13,
        Input("x", DataType.Float, inputDims.Length == 0 ? [0, 3, 0, 0] : inputDims),
        ["features", "logits"],
        [
            Node("Conv", ["x", "w1"], "stem", Ints("pads", 1, 1, 1, 1)),
            Node("BatchNormalization", ["stem", "scale", "shift", "mean", "variance"], "norm"),
            Node("Relu", ["norm"], "inner"),
            Node("Conv", ["inner", "w2"], "branch", Ints("pads", 1, 1, 1, 1)),
            Node("Add", ["branch", "stem"], "features"),
            Node("GlobalAveragePool", ["features"], "pooled"),
            Node("Flatten", ["pooled"], "flat"),
            Node("MatMul", ["flat", "dense"], "logits"),
        ],
        Noise("w1", 1, 4, 3, 3, 3),
        Noise("scale", 2, 4),
        Noise("shift", 3, 4),
        Noise("mean", 4, 4),
        OnnxTensor.FromFloats("variance", [0.5f, 1, 1.5f, 2], 4),
        Noise("w2", 5, 4, 4, 3, 3),
        Noise("dense", 6, 4, 2));

    public static ModelContract Contract(params ModelLayer[] layers) => new()
    {
        Name = "sample",
        Architecture = "onnx",
        Preprocessing = Plain,
        Layers = layers,
        Weights = new WeightsSource("sample.onnx", new string('a', 64)),
    };

    public static string Write(TemporaryFolder folder, string name, ModelProto model) => folder.Write(name, model.ToByteArray());
}
