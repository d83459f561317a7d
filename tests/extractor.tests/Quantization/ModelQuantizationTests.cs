using Headstart.Extraction.Import;
using Headstart.Extraction.Quantization;
using Headstart.Extraction.Runtime;
using Headstart.Models;
using Headstart.Models.Onnx;
using Headstart.Tests.Pipeline;
using static Headstart.Tests.Models.OnnxSamples;
using DataType = Headstart.Models.Onnx.TensorProto.Types.DataType;

namespace Headstart.Tests.Quantization;

public sealed class ModelQuantizationTests : IDisposable
{
    private readonly QuantizationSample _sample = new();

    public void Dispose() => _sample.Dispose();

    [Fact]
    public void A_VGG_keeps_every_layer_and_its_values()
    {
        var model = TinyNetwork.Write(_sample.Folder.File("tiny.onnx"));

        var quantized = _sample.Quantize(model);

        Assert.Equal(["block1_pool", "block2_pool"], quantized.Fidelity.Keys);
        Assert.All(quantized.Fidelity.Values, f => Assert.InRange(f.MeanCosine, 0.9995, 1.0000001));
        Assert.All(quantized.Fidelity.Values, f => Assert.InRange(f.RelativeError, 1e-6, 0.03));
        Assert.Equal(["QuantizeLinear", "QLinearConv", "MaxPool", "QLinearConv", "MaxPool", "DequantizeLinear", "DequantizeLinear"],
            quantized.Proto.Graph.Node.Select(n => n.OpType));
    }

    [Fact]
    public void Every_operator_of_the_list_computes_with_bytes()
    {
        var quantized = _sample.Quantize(_sample.Save(AllOperators()));

        Assert.Empty(quantized.Plan.FloatNodes);
        Assert.Subset(
            new HashSet<string>(quantized.Proto.Graph.Node.Select(n => n.OpType)),
            new HashSet<string>
            {
                "QLinearConv",
                "QLinearAdd",
                "QLinearConcat",
                "QLinearAveragePool",
                "QLinearGlobalAveragePool",
                "MaxPool",
                "Pad",
                "Clip",
            });
        Assert.DoesNotContain(quantized.Proto.Graph.Node, n => n.OpType is "Conv" or "Relu" or "Add" or "AveragePool");
        Assert.All(quantized.Fidelity, f => Assert.True(f.Value.MeanCosine > 0.998, $"{f.Key}: {f.Value}"));
    }

    [Fact]
    public void An_operator_outside_the_list_stays_float_and_is_named()
    {
        var graph = Model(
            13,
            Input("x", DataType.Float, 0, 3, 32, 32),
            ["y", "vector"],
            [
                Node("Conv", ["x", "w1"], "a", Ints("pads", 1, 1, 1, 1)),
                Node("Sigmoid", ["a"], "b"),
                Node("Conv", ["b", "w2"], "y"),
                Node("GlobalAveragePool", ["y"], "pooled"),
                Node("Flatten", ["pooled"], "flat"),
                Node("MatMul", ["flat", "dense"], "vector"),
            ],
            Noise("w1", 1, 8, 3, 3, 3),
            Noise("w2", 2, 8, 8, 3, 3),
            Noise("dense", 3, 8, 5));

        var quantized = _sample.Quantize(_sample.Save(graph));

        Assert.Equal(["Sigmoid", "Flatten", "MatMul"], quantized.Plan.FloatNodes.Select(n => n.OpType));
        Assert.All(quantized.Fidelity, f => Assert.True(f.Value.MeanCosine > 0.999, $"{f.Key}: {f.Value}"));
    }

    [Fact]
    public void A_batch_norm_goes_into_its_convolution()
    {
        var graph = Residual(0, 3, 32, 32);
        foreach (var name in (string[])["scale", "variance"])
        {
            var tensor = graph.Graph.Initializer.Single(t => t.Name == name);
            tensor.RawData = OnnxTensor.FromFloats(name, [0.9f, 1.1f, 1.3f, 0.7f], 4).RawData;
        }

        var quantized = _sample.Quantize(_sample.Save(graph));

        // The stem is read by the sum as well, so its norm must stay; nothing else does before the pooling.
        Assert.Equal(["BatchNormalization", "Relu", "Flatten", "MatMul"], quantized.Plan.FloatNodes.Select(n => n.OpType));
        Assert.All(quantized.Fidelity, f => Assert.True(f.Value.MeanCosine > 0.999, $"{f.Key}: {f.Value}"));
    }

    [Fact]
    public void What_is_kept_stays_in_float_and_is_on_record()
    {
        var model = TinyNetwork.Write(_sample.Folder.File("tiny.onnx"));

        var saved = _sample.Save(_sample.Quantize(model, new QuantizationOptions { Keep = ["block2"], Threads = 2 }));

        Assert.Equal(1, saved.Proto.Graph.Node.Count(n => n.OpType == "Conv"));
        Assert.Equal(1, saved.Proto.Graph.Node.Count(n => n.OpType == "QLinearConv"));
        Assert.Equal(["block2"], saved.Contract.Quantization!.Kept);
        var error = Assert.Throws<CommandException>(() => _sample.Quantize(model, new QuantizationOptions { Keep = ["block2_conf1"] }));
        Assert.Contains("block2_conv1", error.Message);
    }

    [Fact]
    public void The_file_carries_precision_calibration_and_fingerprint_and_can_be_verified_and_extracted_with()
    {
        var model = TinyNetwork.Write(_sample.Folder.File("tiny.onnx"));

        var saved = _sample.Save(_sample.Quantize(model));

        Assert.Equal("int8", saved.Contract.Precision);
        Assert.Equal((12, model.Sha256, 64), (saved.Contract.Quantization!.CalibrationImages, saved.Contract.Quantization.FloatSha256,
            saved.Contract.Quantization.CalibrationSha256.Length));
        Assert.All(ModelVerification.Run(saved), l => Assert.InRange(l.Deviation, 0, 1e-3));
        using var network = BaseNetwork.Load(saved, ["block1_pool"], ExecutionDevice.Cpu, threads: 1);
        Assert.Equal("block1_pool", network.Layers.Single().Name);
        var again = Assert.Throws<CommandException>(() => _sample.Quantize(saved));
        Assert.Contains("int8", again.Message);
    }

    [Fact]
    public void The_same_pictures_give_the_same_file_whatever_the_threads_and_other_pictures_give_another_digest()
    {
        var model = TinyNetwork.Write(_sample.Folder.File("tiny.onnx"));
        using var other = new QuantizationSample(pictures: 20);

        var one = _sample.Save(_sample.Quantize(model, new QuantizationOptions { Threads = 1 }), "one.onnx");
        var two = _sample.Save(_sample.Quantize(model, new QuantizationOptions { Threads = 2 }), "two.onnx");
        var third = other.Quantize(model);

        Assert.Equal(one.Contract.Quantization!.CalibrationSha256, two.Contract.Quantization!.CalibrationSha256);
        Assert.Equal(one.Sha256, two.Sha256);
        Assert.NotEqual(one.Contract.Quantization.CalibrationSha256, third.Contract.Quantization!.CalibrationSha256);
    }

    [Fact]
    public void Pictures_that_judge_never_calibrate()
    {
        var split = PictureSplit.Of(_sample.Images, 400);

        Assert.Equal((12, 4), (split.Calibrate.Count, split.Judge.Count));
        Assert.Empty(split.Calibrate.Intersect(split.Judge));
        Assert.Equal(8, PictureSplit.Of(_sample.Images, 8) is var few ? few.Calibrate.Count + few.Judge.Count : 0);
    }

    [Fact]
    public void Too_few_pictures_are_refused_and_a_broken_one_is_left_out()
    {
        using var few = new QuantizationSample(pictures: 5);
        var model = TinyNetwork.Write(_sample.Folder.File("tiny.onnx"));
        _sample.Folder.Write("pictures/broken.jpg", [1, 2, 3]);

        Assert.Contains("at least 8", Assert.Throws<CommandException>(() => few.Quantize(model)).Message);
        var quantized = _sample.Quantize(model);
        Assert.Equal("broken.jpg", quantized.Rejected.Keys.Single());
        Assert.True(double.IsFinite(quantized.Fidelity["block2_pool"].MeanCosine));
    }

    [Fact]
    public void A_layer_below_the_bound_comes_with_advice_that_was_tried()
    {
        var model = TinyNetwork.Write(_sample.Folder.File("tiny.onnx"));

        var quantized = _sample.Quantize(
            model, new QuantizationOptions { Range = RangeRule.Percentile, WeightBits = 7, MatchMeans = 0, Balance = false, Threads = 2 });

        if (quantized.Fidelity.Values.Any(f => f.MeanCosine < ModelQuantization.CosineBound))
            Assert.All(quantized.Advice, a => Assert.True(a.RelativeError < a.Without));
        else
            Assert.Empty(quantized.Advice);
    }

    // conv+relu6 -> depthwise -> conv (linear) -> add -> relu; pad, average and max pooling, a clip and a relu of their own, concat, global
    // pooling.
    private static ModelProto AllOperators()
    {
        var graph = Model(
            13,
            Input("x", DataType.Float, 0, 3, 32, 32),
            ["stem", "sum", "joined", "pooled"],
            [
                Node("Conv", ["x", "w1", "b1"], "c1", Ints("pads", 1, 1, 1, 1), Ints("strides", 2, 2)),
                Node("Clip", ["c1", "zero", "six"], "stem"),
                Node("Conv", ["stem", "w2"], "c2", Ints("pads", 1, 1, 1, 1), Int("group", 8)),
                Node("Relu", ["c2"], "r2"),
                Node("Conv", ["r2", "w3"], "c3"),
                Node("Conv", ["stem", "w4"], "c4", Int("group", 2)),
                Node("Add", ["c3", "c4"], "a"),
                Node("Relu", ["a"], "sum"),
                Node("Pad", ["sum", "pads"], "padded"),
                Node("MaxPool", ["padded"], "m", Ints("kernel_shape", 2, 2), Ints("strides", 2, 2)),
                Node("AveragePool", ["padded"], "v", Ints("kernel_shape", 2, 2), Ints("strides", 2, 2)),
                Node("Relu", ["c4"], "r4"),
                Node("Clip", ["c3", "low", "high"], "k3"),
                Node("AveragePool", ["r4"], "v4", Ints("kernel_shape", 2, 2), Ints("strides", 2, 2), Ints("pads", 1, 1, 1, 1)),
                Node("AveragePool", ["k3"], "v5", Ints("kernel_shape", 2, 2), Ints("strides", 2, 2), Ints("pads", 1, 1, 1, 1)),
                Node("Concat", ["m", "v", "v4", "v5"], "joined", Int("axis", 1)),
                Node("GlobalAveragePool", ["joined"], "pooled"),
            ],
            Noise("w1", 1, 8, 3, 3, 3),
            Noise("b1", 7, 8),
            Noise("w2", 2, 8, 1, 3, 3),
            Noise("w3", 3, 8, 8, 1, 1),
            Noise("w4", 4, 8, 4, 1, 1),
            OnnxTensor.FromFloats("zero", [0], 1),
            OnnxTensor.FromFloats("six", [6]),
            OnnxTensor.FromFloats("low", [-1.5f]),
            OnnxTensor.FromFloats("high", [2.5f]),
            Int64s("pads", 0, 0, 1, 1, 0, 0, 1, 1));
        return graph;
    }
}
