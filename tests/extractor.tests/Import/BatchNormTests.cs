using Headstart.Extraction.Import;
using Headstart.Models;
using Headstart.Models.Onnx;
using static Headstart.Tests.Models.OnnxSamples;
using DataType = Headstart.Models.Onnx.TensorProto.Types.DataType;

namespace Headstart.Tests.Import;

/// <summary>A folded batch norm against ONNX Runtime's own BatchNormalization, which is somebody else's arithmetic.</summary>
public sealed class BatchNormTests : IDisposable
{
    private static readonly VggConvolution First = VggArchitecture.Vgg11.Convolutions[0];

    private readonly ImportSample _sample = new();
    private readonly ConvolutionWeights _weights = WeightFiles.Noise(First);
    private readonly float[] _scale = Noise(1, 64);
    private readonly float[] _shift = Noise(2, 64);
    private readonly float[] _mean = Noise(3, 64);
    private readonly float[] _variance = [.. Noise(4, 64).Select(v => 0.1f + (v * v))];

    public void Dispose() => _sample.Dispose();

    [Fact]
    public void Torchvisions_batch_norm_is_folded_into_the_convolution()
    {
        var path = _sample.Folder.Write("bn.safetensors", WeightFiles.Safetensors(new Dictionary<string, (long[], float[])>
        {
            ["features.0.weight"] = ([64, 3, 3, 3], _weights.Kernel),
            ["features.0.bias"] = ([64], _weights.Bias),
            ["features.1.weight"] = ([64], _scale),
            ["features.1.bias"] = ([64], _shift),
            ["features.1.running_mean"] = ([64], _mean),
            ["features.1.running_var"] = ([64], _variance),
        }));

        var imported = ModelImport.Run(_sample.Options(path, 32, "block1_pool") with { Architecture = "vgg11" });

        Assert.Equal("vgg11_bn", imported.Contract.Name);
        AssertSameFeatures(imported);
    }

    [Fact]
    public void An_onnx_graphs_batch_norm_is_folded_into_the_convolution()
    {
        var imported = ModelImport.Run(_sample.Options(Write(_sample.Folder, "bn.onnx", Unfolded()), 32) with { Architecture = "vgg11" });

        Assert.Equal(["Conv", "Relu", "MaxPool"], imported.Proto.Graph.Node.Select(n => n.OpType));
        AssertSameFeatures(imported);
    }

    [Fact]
    public void Folding_rounds_once()
    {
        // In float32 the product of 1 + 2^-23 and 1/3 would be rounded twice.
        var scale = 1 / 3f;
        var folded = BatchNorm.Fold(new ConvolutionWeights([1.0000001f], [0.1f]), [scale], [0.7f], [0.3f], [4f], 1e-5);

        var factor = (double)scale / Math.Sqrt(4.00001);
        Assert.Equal((float)(1.0000001f * factor), folded.Kernel[0]);
        Assert.Equal((float)(((0.1f - (double)0.3f) * factor) + 0.7f), folded.Bias[0]);
    }

    private void AssertSameFeatures(ImportedModel imported)
    {
        var image = SyntheticInput.Create(Plain with { Size = 32 }, 0);
        using var probe = GraphProbe.Open(Unfolded(), "unfolded");
        var expected = probe.Run([image], 32)["pool"].Values;
        var found = ImportSample.Run(imported, image)["block1_pool"].Values;

        Assert.True(expected.Max() > 1);
        Assert.InRange(expected.Zip(found).Max(pair => Math.Abs(pair.First - pair.Second)), 0, 1e-5 * expected.Max());
    }

    private ModelProto Unfolded() => Model(
        13,
        Input("x", DataType.Float, 0, 3, 0, 0),
        ["pool"],
        [
            Node("Conv", ["x", "w", "b"], "c", Ints("pads", 1, 1, 1, 1)),
            Node("BatchNormalization", ["c", "scale", "shift", "mean", "variance"], "n"),
            Node("Relu", ["n"], "r"),
            Node("MaxPool", ["r"], "pool", Ints("kernel_shape", 2, 2), Ints("strides", 2, 2)),
        ],
        OnnxTensor.FromFloats("w", _weights.Kernel, 64, 3, 3, 3),
        OnnxTensor.FromFloats("b", _weights.Bias, 64),
        OnnxTensor.FromFloats("scale", _scale, 64),
        OnnxTensor.FromFloats("shift", _shift, 64),
        OnnxTensor.FromFloats("mean", _mean, 64),
        OnnxTensor.FromFloats("variance", _variance, 64));
}
