using Google.Protobuf;
using Headstart.Extraction.Import;
using Headstart.Extraction.Quantization;
using Headstart.Models;
using Headstart.Models.Onnx;
using static Headstart.Tests.Models.OnnxSamples;
using AttributeType = Headstart.Models.Onnx.AttributeProto.Types.AttributeType;
using DataType = Headstart.Models.Onnx.TensorProto.Types.DataType;

namespace Headstart.Tests.Quantization;

/// <summary>Each operator that is rewritten computes in ONNX Runtime what it did in its own opset.</summary>
public sealed class OpsetUpgradeTests : IDisposable
{
    private readonly QuantizationSample _sample = new(pictures: 12);

    public void Dispose() => _sample.Dispose();

    // One node from x [2, 3, 8, 8] to y, in the opset of its writer.
    public static TheoryData<string, int, NodeProto, TensorProto[]> Rewritten => new()
    {
        { "batch norm, with spatial", 7, Node(
            "BatchNormalization", ["x", "a", "b", "c", "d"], "y", Int("spatial", 1), Float("epsilon", 0.01f)), Norm() },
        { "batch norm", 9, Node("BatchNormalization", ["x", "a", "b", "c", "d"], "y"), Norm() },
        { "clip on both sides", 7, Node("Clip", ["x"], "y", Float("min", -0.5f), Float("max", 0.25f)), [] },
        { "clip from below", 8, Node("Clip", ["x"], "y", Float("min", 0.1f)), [] },
        { "clip from above", 10, Node("Clip", ["x"], "y", Float("max", 0.1f)), [] },
        { "clip of nothing", 9, Node("Clip", ["x"], "y"), [] },
        { "clip with inputs", 11, Node("Clip", ["x", "low"], "y"), [OnnxTensor.FromFloats("low", [0.1f])] },
        { "pad with zeros", 7, Node("Pad", ["x"], "y", Ints("pads", 0, 0, 1, 2, 0, 0, 3, 0)), [] },
        { "pad with a value", 9, Node("Pad", ["x"], "y", Ints("pads", 0, 0, 1, 1, 0, 0, 1, 1), Float("value", -2)), [] },
        { "pad by reflection", 10, Node("Pad", ["x"], "y", Ints("pads", 0, 0, 1, 1, 0, 0, 2, 2), Text("mode", "reflect")), [] },
        { "pad with inputs", 11, Node("Pad", ["x", "p"], "y"), [Int64s("p", 0, 0, 1, 1, 0, 0, 1, 1)] },
        { "slice along axes", 7, Node("Slice", ["x"], "y", Ints("starts", 1, 2), Ints("ends", 3, -1), Ints("axes", 1, 3)), [] },
        { "slice from the first axis on", 9, Node("Slice", ["x"], "y", Ints("starts", 0, 1), Ints("ends", 2, 9999)), [] },
        { "slice with inputs", 10, Node("Slice", ["x", "s", "e"], "y"), [Int64s("s", 0, 1), Int64s("e", 2, 3)] },
        { "unsqueeze", 7, Node("Unsqueeze", ["x"], "y", Ints("axes", 0, 5)), [] },
        { "unsqueeze with negative axes", 12, Node("Unsqueeze", ["x"], "y", Ints("axes", -1)), [] },
        { "sum along axes", 7, Node("ReduceSum", ["x"], "y", Ints("axes", 2, 3), Int("keepdims", 0)), [] },
        { "sum of all", 11, Node("ReduceSum", ["x"], "y"), [] },
        { "mean along axes", 7, Node("ReduceMean", ["x"], "y", Ints("axes", 2, 3)), [] },
        { "split in parts", 7, With(Node("Split", ["x"], "y", Int("axis", 1), Ints("split", 2, 1)), "z"), [] },
        { "split in halves", 11, With(Node("Split", ["x"], "y", Int("axis", 2)), "z"), [] },
        { "softmax of all from the second axis on", 7, Node("Softmax", ["x"], "y"), [] },
        { "softmax from an inner axis on", 9, Node("Softmax", ["x"], "y", Int("axis", 2)), [] },
        { "softmax along the last axis", 11, Node("Softmax", ["x"], "y", Int("axis", -1)), [] },
        { "softmax from a negative axis on", 12, Node("Softmax", ["x"], "y", Int("axis", -2)), [] },
        { "log softmax", 8, Node("LogSoftmax", ["x"], "y"), [] },
        { "hardmax", 8, Node("Hardmax", ["x"], "y", Int("axis", 3)), [] },
        { "dropout", 7, Node("Dropout", ["x"], "y", Float("ratio", 0.4f)), [] },
        { "dropout with a mask that nobody reads", 10, With(Node("Dropout", ["x"], "y", Float("ratio", 0.4f)), "mask"), [] },
        { "dropout with inputs", 12, Node("Dropout", ["x", "r"], "y"), [OnnxTensor.FromFloats("r", [0.4f])] },
        { "the largest", 7, With(Node("TopK", ["x"], "y", Int("k", 3), Int("axis", 1)), "i"), [] },
        { "the largest, with inputs", 10, With(Node("TopK", ["x", "k"], "y"), "i"), [Int64s("k", 3)] },
        { "upsample nearest", 7, Node("Upsample", ["x"], "y", Floats("scales", 1, 1, 2, 3)), [] },
        { "upsample by a fraction", 8, Node("Upsample", ["x"], "y", Floats("scales", 1, 1, 1.5f, 1.25f), Text("mode", "nearest")), [] },
        { "upsample linear", 8, Node("Upsample", ["x"], "y", Floats("scales", 1, 1, 2, 1.5f), Text("mode", "linear")), [] },
        { "upsample with inputs", 9, Node(
            "Upsample", ["x", "s"], "y", Text("mode", "linear")), [OnnxTensor.FromFloats("s", [1, 1, 2, 2], 4)] },
        { "resize nearest, larger", 10, Node("Resize", ["x", "s"], "y"), [OnnxTensor.FromFloats("s", [1, 1, 1.6f, 2], 4)] },
        { "resize nearest, smaller", 10, Node("Resize", ["x", "s"], "y"), [OnnxTensor.FromFloats("s", [1, 1, 0.6f, 0.5f], 4)] },
        { "resize linear, smaller", 10, Node(
            "Resize", ["x", "s"], "y", Text("mode", "linear")), [OnnxTensor.FromFloats("s", [1, 1, 0.6f, 0.7f], 4)] },
        { "resize to a size", 11, Node(
            "Resize", ["x", "none", "none", "n"], "y"), [OnnxTensor.FromFloats("none", [], 0), Int64s("n", 2, 3, 5, 12)] },
        { "resize by scales", 12, Node("Resize", ["x", "none", "s"], "y", Text(
            "mode", "linear")), [OnnxTensor.FromFloats("none", [], 0), OnnxTensor.FromFloats("s", [1, 1, 2, 2], 4)] },
    };

    [Theory]
    [MemberData(nameof(Rewritten))]
    public void A_rewritten_operator_computes_the_same(string what, int opset, NodeProto node, TensorProto[] initialisers) =>
        AssertSame(what, Model(opset, Input("x", DataType.Float, 2, 3, 8, 8), [.. node.Output.Where(o => o.Length > 0).Take(
            node.OpType == "Split" ? 2 : 1)], [node], initialisers));

    // Of these only the opset's number changes.
    public static TheoryData<string, int, NodeProto, TensorProto[]> Unchanged => new()
    {
        { "convolution", 7, Node(
            "Conv", ["x", "w"], "y", Text("auto_pad", "SAME_UPPER"), Ints("strides", 2, 2)), [Noise("w", 1, 4, 3, 3, 3)] },
        { "average without padding", 7, Node("AveragePool", ["x"], "y", Ints("kernel_shape", 3, 3), Ints("pads", 1, 1, 1, 1)), [] },
        { "average with padding", 7, Node(
            "AveragePool", ["x"], "y", Ints("kernel_shape", 3, 3), Ints("pads", 1, 1, 1, 1), Int("count_include_pad", 1)), [] },
        { "maximum", 7, Node(
            "MaxPool", ["x"], "y", Ints("kernel_shape", 3, 3), Ints("strides", 2, 2), Text("auto_pad", "SAME_LOWER")), [] },
        { "addition of a vector", 7, Node("Add", ["x", "v"], "y"), [Noise("v", 1, 3, 1, 1)] },
        { "product and rectifier", 7, Node("PRelu", ["x", "v"], "y"), [Noise("v", 1, 3, 1, 1)] },
        { "flatten", 7, Node("Flatten", ["x"], "y", Int("axis", 2)), [] },
        { "concatenation", 7, Node("Concat", ["x", "x"], "y", Int("axis", 1)), [] },
        { "local response", 7, Node("LRN", ["x"], "y", Int("size", 3), Float("alpha", 0.5f)), [] },
        { "maximum of two", 7, Node("Max", ["x", "o"], "y"), [Noise("o", 2, 2, 3, 8, 8)] },
        { "instance norm", 7, Node("InstanceNormalization", ["x", "a", "b"], "y"), Norm()[..2] },
        { "selection", 7, Node("Gather", ["x", "i"], "y", Int("axis", 1)), [Int64s("i", 2, 0)] },
        { "blocks to depth", 7, Node("SpaceToDepth", ["x"], "y", Int("blocksize", 2)), [] },
        { "transposed convolution", 7, Node("ConvTranspose", ["x", "w"], "y", Ints("strides", 2, 2)), [Noise("w", 1, 3, 2, 3, 3)] },
        { "hard sigmoid", 7, Node("HardSigmoid", ["x"], "y"), [] },
        { "reshape", 7, Node("Reshape", ["x", "s"], "y"), [Int64s("s", 0, -1)] },
        { "tile", 7, Node("Tile", ["x", "s"], "y"), [Int64s("s", 1, 2, 1, 1)] },
    };

    [Theory]
    [MemberData(nameof(Unchanged))]
    public void An_operator_that_only_grew_computes_the_same(string what, int opset, NodeProto node, TensorProto[] initialisers) =>
        AssertSame(what, Model(opset, Input("x", DataType.Float, 2, 3, 8, 8), ["y"], [node], initialisers));

    [Fact]
    public void Operators_that_need_others_around_them_compute_the_same()
    {
        AssertSame("squeeze", Model(7, Input("x", DataType.Float, 2, 3, 8, 8), ["y", "all"],
            [Node("GlobalAveragePool", ["x"], "p"), Node("Squeeze", ["p"], "y", Ints("axes", 2, 3)), Node("Squeeze", ["p"], "all")]));
        AssertSame("gemm", Model(8, Input("x", DataType.Float, 2, 3, 8, 8), ["y"],
            [Node("Flatten", ["x"], "f"), Node("Gemm", ["f", "w", "b"], "y", Float("alpha", 0.5f))], Noise("w", 1, 192, 5),
            Noise("b", 2, 5)));
        AssertSame(
            "matmul", Model(8, Input("x", DataType.Float, 2, 3, 8, 8), ["y"], [Node("MatMul", ["x", "w"], "y")], Noise("w", 1, 8, 5)));
        AssertSame("cast",
            Model(8, Input("x", DataType.Float, 2, 3, 8, 8), ["y"], [Cast("x", "d", DataType.Double), Cast("d", "y", DataType.Float)]));
        AssertSame(
            "scatter", Model(9, Input("x", DataType.Float, 2, 3, 8, 8), ["y"], [Node("Scatter", ["x", "i", "u"], "y", Int("axis", 3))],
            Indices("i", 2, 3, 8, 8), Noise("u", 3, 2, 3, 8, 8)));
    }

    public static TheoryData<string, int, NodeProto[], TensorProto[]> Refused => new()
    {
        { "opset 6", 6, [Node("Relu", ["x"], "y")], [] },
        { "BatchNormalization 'BatchNormalization_y' can't be rewritten: it normalises each value", 7, [Node(
            "BatchNormalization", ["x", "a", "b", "c", "d"], "y", Int("spatial", 0))], Norm() },
        { "it is in training mode", 8, [With(Node("BatchNormalization", ["x", "a", "b", "c", "d"], "y"), "m", "v", "sm", "sv")], Norm() },
        { "its mask is read", 7, [With(Node("Dropout", ["x"], "d"), "mask"), Node("Mul", ["d", "mask"], "y")], [] },
        { "its scales are computed", 10, [Node(
            "Relu", ["s"], "r"), Node("Resize", ["x", "r"], "y")], [OnnxTensor.FromFloats("s", [1, 1, 2, 2], 4)] },
        { "shrinks one way and enlarges the other", 10, [Node(
            "Resize", ["x", "s"], "y")], [OnnxTensor.FromFloats("s", [1, 1, 2, 0.5f], 4)] },
        { "tf_half_pixel_for_nn", 11, [Node("Resize", ["x", "", "s"], "y", Text(
            "coordinate_transformation_mode", "tf_half_pixel_for_nn"))], [OnnxTensor.FromFloats("s", [1, 1, 2, 2], 4)] },
        { "LSTM 'LSTM_y' can't be rewritten", 9, [Node("LSTM", ["x", "w", "r"], "y")], [] },
        { "If 'If_y' can't be rewritten: it holds a graph of its own", 9, [Node(
            "If", ["x"], "y", new AttributeProto { Name = "then_branch", G = new GraphProto() })], [] },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_cannot_be_rewritten_is_refused_by_name(string reason, int opset, NodeProto[] nodes, TensorProto[] initialisers)
    {
        var error = Assert.Throws<CommandException>(
            () => OpsetUpgrade.Apply(Model(opset, Input("x", DataType.Float, 2, 3, 8, 8), ["y"], nodes, initialisers), "old.onnx"));

        Assert.Contains(reason, error.Message);
        Assert.Contains("old.onnx", error.Message);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Theory]
    [InlineData(7, 0)]
    [InlineData(8, 1)]
    [InlineData(11, 3)]
    public void A_network_of_an_old_opset_is_quantised_whatever_its_batch(int opset, int batch)
    {
        // As old residual networks are written: every initialiser among the inputs, batch norms with attributes that are gone, a batch that
        // cannot change.
        NodeProto[] reshape = batch == 0 ? [Node("Flatten", ["pooled"], "flat")] : [Node("Reshape", ["pooled", "shape"], "flat")];
        AttributeProto[] spatial = opset < 9 ? [Int("spatial", 1)] : [];
        var old = Model(
            opset,
            Input("x", DataType.Float, batch, 3, 32, 32),
            ["sum", "vector"],
            [
                Node("Conv", ["x", "w1"], "c1", Ints("pads", 1, 1, 1, 1)),
                Node("BatchNormalization", ["c1", "scale", "shift", "mean", "variance"], "n1", spatial),
                Node("Relu", ["n1"], "r1"),
                Node("Conv", ["r1", "w2"], "c2", Ints("pads", 1, 1, 1, 1)),
                Node("Add", ["c2", "r1"], "sum"),
                Node("GlobalAveragePool", ["sum"], "pooled"),
                .. reshape,
                Node("Dropout", ["flat"], "dropped"),
                Node("Gemm", ["dropped", "dense", "bias"], "vector"),
            ],
            Noise("w1", 1, 8, 3, 3, 3), OnnxTensor.FromFloats("scale", [1, 2, 1, 1, 1, 2, 1, 1], 8), Noise("shift", 2, 8),
            Noise("mean", 3, 8),
            OnnxTensor.FromFloats("variance", [1, 1, 2, 1, 1, 1, 2, 1], 8), Noise("w2", 4, 8, 8, 3, 3), Noise("dense", 5, 8, 4),
            Noise("bias", 6, 4),
            Int64s("shape", Math.Max(batch, 1), 8));
        old.IrVersion = 3;
        old.Graph.Input.AddRange(old.Graph.Initializer.Select(t => Input(t.Name, (DataType)t.DataType, [.. t.Dims])));
        var path = _sample.Folder.Write("old.onnx", old.ToByteArray());
        var imported = ModelImport.Run(new ImportOptions { Weights = path, Out = _sample.Folder.File("m.onnx"), Preset = "mobilenet" });
        ModelFile.Save(imported.Proto, imported.Contract, _sample.Folder.File("m.onnx"));

        var quantized = _sample.Quantize(ModelFile.Load(_sample.Folder.File("m.onnx")));

        Assert.Equal(batch == 0 ? null : batch, quantized.Contract.FixedBatch);
        Assert.Equal(2, quantized.Proto.Graph.Node.Count(n => n.OpType == "QLinearConv"));
        Assert.Equal(13, quantized.Proto.OpsetImport.Single(o => o.Domain == "").Version);
        Assert.All(quantized.Fidelity, f => Assert.True(f.Value.MeanCosine > 0.998, $"{f.Key}: {f.Value}"));
    }

    private static void AssertSame(string what, ModelProto old)
    {
        var written = old.Clone();

        Assert.True(OpsetUpgrade.Apply(written, "old.onnx"), what);

        Assert.Equal(13, written.OpsetImport.Single().Version);
        var (expected, found) = (Run(old), Run(written));
        Assert.NotEmpty(expected);
        foreach (var (name, output) in expected)
        {
            Assert.Equal(output.Shape, found[name].Shape);
            var tolerance = 1e-6 * Math.Max(1, output.Values.Max(Math.Abs));
            Assert.True(
                output.Values.Zip(found[name].Values).All(pair => Math.Abs(pair.First - pair.Second) <= tolerance), $"{what}: {name}");
        }
    }

    private static IReadOnlyDictionary<string, ProbeOutput> Run(ModelProto model)
    {
        using var probe = GraphProbe.Open(model, $"opset {model.OpsetImport[0].Version}");
        return probe.Run([Noise(1, 3, 8, 8), Noise(2, 3, 8, 8)], 8);
    }

    private static TensorProto[] Norm() =>
        [Noise("a", 1, 3), Noise("b", 2, 3), Noise("c", 3, 3), OnnxTensor.FromFloats("d", [0.5f, 1, 2], 3)];

    private static TensorProto Indices(string name, params long[] dims)
    {
        var tensor = new TensorProto { Name = name, DataType = (int)DataType.Int64 };
        tensor.Dims.AddRange(dims);
        tensor.Int64Data.AddRange(Enumerable.Range(0, (int)dims.Aggregate(1L, (a, b) => a * b)).Select(i => (long)(7 - (i % 8))));
        return tensor;
    }

    private static NodeProto With(NodeProto node, params string[] outputs)
    {
        node.Output.AddRange(outputs);
        return node;
    }

    private static AttributeProto Float(string name, float value) => new() { Name = name, Type = AttributeType.Float, F = value };

    private static AttributeProto Text(string name, string value) =>
        new() { Name = name, Type = AttributeType.String, S = ByteString.CopyFromUtf8(value) };

    private static AttributeProto Floats(string name, params float[] values)
    {
        var attribute = new AttributeProto { Name = name, Type = AttributeType.Floats };
        attribute.Floats.AddRange(values);
        return attribute;
    }
}
