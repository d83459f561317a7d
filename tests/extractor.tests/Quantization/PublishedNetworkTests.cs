using Headstart.Extraction.Import;
using Headstart.Extraction.Quantization;
using Headstart.Images;
using Headstart.Models;

namespace Headstart.Tests.Quantization;

/// <summary>Real networks on photographs that were not used to calibrate.</summary>
[Trait("Category", "Slow")]
public sealed class PublishedNetworkTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void VGG16_keeps_block3_pool()
    {
        var fidelity = Measure(
            "models/vgg16_blocks123.safetensors", "keras", "block3_pool", new QuantizationOptions { Images = 120, MatchMeans = 32 });

        Assert.True(IsFaithful(fidelity), fidelity.ToString());
    }

    [Fact]
    public void A_bad_calibration_fails_the_same_bounds()
    {
        // Also with everything else that makes up for it.
        var fidelity = Measure("models/vgg16_blocks123.safetensors", "keras", "block3_pool",
            new QuantizationOptions { Images = 120, MatchMeans = 32, Range = RangeRule.Percentile });

        Assert.False(IsFaithful(fidelity), fidelity.ToString());
        Assert.InRange(fidelity.MeanCosine, 0.9, 0.9985);
    }

    [Theory]
    [InlineData("models/mobilenet_v1_0.25_224.onnx")]
    [InlineData("models/mobilenet_v2_1.0_224_notop.onnx")]
    public void A_MobileNet_keeps_its_features(string weights)
    {
        // Of 8 bits, also on a processor where 7 are the default: those have 0.985 (V1) and 0.982 (V2).
        var fidelity = Measure(weights, "mobilenet", "features", new QuantizationOptions { WeightBits = 8 });

        Assert.True(fidelity.MeanCosine >= 0.99, fidelity.ToString());
    }

    private static bool IsFaithful(LayerFidelity f) => f is { MeanCosine: >= 0.9995, WorstCosine: >= 0.997, RelativeError: <= 0.03 };

    private LayerFidelity Measure(string weights, string preset, string layer, QuantizationOptions options)
    {
        const int Judged = 200;
        var imported = ModelImport.Run(
            new ImportOptions { Weights = SharedMaterial.Find(weights), Out = _folder.File("m.onnx"), Preset = preset, Layers = [layer] });
        ModelFile.Save(imported.Proto, imported.Contract, _folder.File("m.onnx"));
        var model = ModelFile.Load(_folder.File("m.onnx"));
        var calibration = ImageSet.Open(SharedMaterial.Find("data/cats-dogs/train"));
        var judges = ImageSet.Open(SharedMaterial.Find("data/cats-dogs/val"));
        var stop = TestContext.Current.CancellationToken;

        var quantized = ModelQuantization.Run(model, calibration, options, _ => new Progress<int>(), stop);

        var pictures = new PictureStream(model.Contract.Preprocessing, batchSize: 4, options.Threads);
        var every = judges.Items.Count / Judged;
        var items = judges.Items.Where((_, i) => i % every == 0).Take(Judged).ToArray();
        return Fidelity.Measure(
            model, quantized.Plan.Model, quantized.Proto, [layer], pictures, items, options.Threads, new Progress<int>(), stop)[layer];
    }
}
