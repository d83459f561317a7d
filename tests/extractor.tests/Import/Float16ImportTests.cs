using Headstart.Extraction.Import;
using Headstart.Models;
using Headstart.Models.Onnx;
using Headstart.Tests.Pipeline;
using static Headstart.Tests.Models.OnnxSamples;
using DataType = Headstart.Models.Onnx.TensorProto.Types.DataType;

namespace Headstart.Tests.Import;

public sealed class Float16ImportTests : IDisposable
{
    private readonly ImportSample _sample = new();

    public void Dispose() => _sample.Dispose();

    [Fact]
    public void Kernels_take_half_the_room_and_features_stay_within_a_thousandth()
    {
        var weights = _sample.Folder.Write("torch.safetensors", WeightFiles.Safetensors(WeightFiles.TorchTensors(), "F32"));
        var options = _sample.Options(weights, 32, "block1_pool", "block2_pool") with { Architecture = "vgg16" };
        var whole = ModelImport.Run(options);

        var half = ModelImport.Run(options with { Precision = WeightPrecision.Float16 });

        Assert.Equal(("float32", "float16"), (whole.Contract.Precision, half.Contract.Precision));
        Assert.Equal(("vgg16", "vgg16-float16"), (whole.Contract.Name, half.Contract.Name));
        Assert.All(half.Proto.Graph.Initializer.Where(t => t.Dims.Count > 1), t => Assert.Equal((int)DataType.Float16, t.DataType));
        Assert.InRange((double)half.Proto.CalculateSize() / whole.Proto.CalculateSize(), 0.5, 0.55);
        Assert.Equal(whole.Contract.Layers, half.Contract.Layers);
        var image = SyntheticInput.Create(whole.Contract.Preprocessing, seed: 3);
        var (expected, found) = (ImportSample.Run(whole, image), ImportSample.Run(half, image));
        foreach (var layer in whole.Contract.Layers)
        {
            // float16 has 11 bits: a weight moves by 1/2,048 of itself at most, and a sum of many by less.
            var values = expected[layer.Name].Values;
            var difference =
                Math.Sqrt(values.Zip(found[layer.Name].Values, (a, b) => Math.Pow(a - b, 2)).Sum() / values.Sum(v => (double)v * v));
            Assert.InRange(difference, 1e-6, 1e-3);
        }
    }

    [Fact]
    public async Task Its_features_never_go_into_the_float32_network_s_cache()
    {
        using var pictures = new ExtractionSample(pictures: 5);
        var options = _sample.Options(pictures.Folder.File("tiny.onnx"), 32) with { Precision = WeightPrecision.Float16 };
        var imported = ModelImport.Run(options);
        ModelFile.Save(imported.Proto, imported.Contract, options.Out);
        var half = ModelFile.Load(options.Out);
        await pictures.RunAsync("cache");
        var before = await pictures.ReadAsync("cache");

        var error = await Assert.ThrowsAsync<CommandException>(() => pictures.RunAsync("cache", model: half));
        var own = await pictures.RunAsync("cache-float16", model: half);

        Assert.Contains("was made with precision 'float32', but this run has 'float16'", error.Message, StringComparison.Ordinal);
        Assert.Equal(before, await pictures.ReadAsync("cache"));
        Assert.Equal(5, own.Computed);
    }

    [Fact]
    public void A_kernel_that_float16_cannot_hold_stays_as_it_is()
    {
        NodeProto[] nodes = [Node("Conv", ["x", "small"], "y"), Node("Conv", ["y", "large"], "z")];
        var large = OnnxTensor.FromFloats("large", [70_000f], 1, 1, 1, 1);
        var path = Write(_sample.Folder, "in.onnx",
            Model(13, Input("x", DataType.Float, 0, 3, 8, 8), ["z"], nodes, OnnxTensor.FromFloats("small", [1, 2, 3], 1, 3, 1, 1), large));

        var imported = ModelImport.Run(_sample.Options(path) with { Precision = WeightPrecision.Float16 });

        Assert.Contains(large, imported.Proto.Graph.Initializer);
        Assert.Contains(imported.Proto.Graph.Initializer, t => t.DataType == (int)DataType.Float16);
    }

    [Fact]
    public void Without_a_kernel_to_store_it_is_refused()
    {
        var path = Write(_sample.Folder, "in.onnx", Model(13, Input("x", DataType.Float, 0, 3, 8, 8), ["y"], [Node("Relu", ["x"], "y")]));

        var error =
            Assert.Throws<CommandException>(() => ModelImport.Run(_sample.Options(path) with { Precision = WeightPrecision.Float16 }));

        Assert.Contains("no kernels that float16 can hold", error.Message, StringComparison.Ordinal);
    }
}
