using Headstart.Extraction.Import;
using Headstart.Models;
using Headstart.Models.Onnx;
using static Headstart.Tests.Models.OnnxSamples;
using DataType = Headstart.Models.Onnx.TensorProto.Types.DataType;

namespace Headstart.Tests.Import;

public sealed class VggImportTests : IDisposable
{
    private static readonly string[] Pools = ["block1_pool", "block2_pool"];

    private readonly ImportSample _sample = new();

    public void Dispose() => _sample.Dispose();

    private string Torch(string type = "F32") =>
        _sample.Folder.Write($"torch{type}.safetensors", WeightFiles.Safetensors(WeightFiles.TorchTensors(), type));

    private ImportedModel ImportTorch() => ModelImport.Run(_sample.Options(Torch(), 32, Pools) with { Architecture = "vgg16" });

    private ImportedModel ImportKeras(string path) => ModelImport.Run(_sample.Options(path, 32, Pools) with { Architecture = "vgg16" });

    [Fact]
    public void Initialisers_have_keras_names_and_the_values_of_the_file()
    {
        var imported = ImportTorch();

        foreach (var convolution in WeightFiles.Blocks12)
        {
            var expected = WeightFiles.Noise(convolution);
            var kernel = imported.Proto.Graph.Initializer.Single(t => t.Name == $"{convolution.Name}.weight");
            Assert.Equal([convolution.OutChannels, convolution.InChannels, 3L, 3L], kernel.Dims);
            Assert.Equal(expected.Kernel, OnnxTensor.ToFloats(kernel));
            Assert.Equal(
                expected.Bias, OnnxTensor.ToFloats(imported.Proto.Graph.Initializer.Single(t => t.Name == $"{convolution.Name}.bias")));
        }

        Assert.Equal([new ModelLayer("block1_pool", new LayerShape(64, 16, 16)), new ModelLayer("block2_pool", new LayerShape(128, 8, 8))],
            imported.Contract.Layers);
        Assert.Equal("vgg16", imported.Contract.Architecture);
    }

    public static TheoryData<string, Func<string, string, string>, string> KerasLayouts => new()
    {
        { "Keras 1", (layer, kind) => $"{layer}_{(kind == "kernel" ? "W" : "b")}", "" },
        { "Keras 1, second session", (layer, kind) => $"{layer}_{(kind == "kernel" ? "W" : "b")}_1:0", "" },
        { "Keras 2", (layer, kind) => $"{layer}/{kind}:0", "" },
        { "Keras 2, second model", (layer, kind) => $"{layer}_3/{kind}:0", "" },
        { "Keras 2, whole model", (layer, kind) => $"{layer}/{kind}:0", "model_weights" },
        { "Keras 3, legacy", (layer, kind) => kind, "" },
    };

    [Theory]
    [MemberData(nameof(KerasLayouts))]
    public void Every_keras_layout_gives_the_initialisers_of_torchvisions(string layout, Func<string, string, string> name, string root)
    {
        var path = _sample.Folder.File("keras.h5");
        WeightFiles.WriteKeras(path, name, root);

        Assert.True(Same(ImportTorch(), ImportKeras(path)), layout);
    }

    [Fact]
    public void Keras_3_weights_without_names_give_the_same_initialisers()
    {
        var path = _sample.Folder.File("vgg.weights.h5");
        WeightFiles.WriteKeras3(path);

        Assert.True(Same(ImportTorch(), ImportKeras(path)));
    }

    [Fact]
    public void An_onnx_graph_with_names_of_its_own_gives_the_same_initialisers()
    {
        var imported =
            ModelImport.Run(_sample.Options(Write(_sample.Folder, "other.onnx", OtherNames()), 32) with { Architecture = "vgg16" });

        Assert.Equal(Pools, imported.Contract.Layers.Select(l => l.Name));
        Assert.True(Same(ImportTorch(), imported));
    }

    [Fact]
    public void An_onnx_vgg_is_cut_at_a_named_layer()
    {
        var imported = ModelImport.Run(
            _sample.Options(Write(_sample.Folder, "other.onnx", OtherNames()), 32, "block2_conv1") with { Architecture = "vgg16" });

        Assert.Equal([new ModelLayer("block2_conv1", new LayerShape(128, 16, 16))], imported.Contract.Layers);
        Assert.Equal(6, imported.Proto.Graph.Initializer.Count);
    }

    [Fact]
    public void A_layer_under_the_graphs_own_name_keeps_the_graph_as_it_is()
    {
        var imported = ModelImport.Run(_sample.Options(Write(_sample.Folder, "other.onnx", OtherNames()), 32, "t5"));

        Assert.Equal("onnx", imported.Contract.Architecture);
        Assert.Equal(["t5"], imported.Contract.Layers.Select(l => l.Name));
    }

    [Fact]
    public void Prefixes_of_training_wrappers_and_the_classifier_do_not_matter()
    {
        var tensors = WeightFiles.TorchTensors("module.backbone.");
        tensors["module.backbone.classifier.0.weight"] = ([2, 3], [1, 2, 3, 4, 5, 6]);
        var path = _sample.Folder.Write("wrapped.safetensors", WeightFiles.Safetensors(tensors));

        Assert.True(Same(ImportTorch(), ModelImport.Run(_sample.Options(path, 32, Pools) with { Architecture = "vgg16" })));
    }

    [Theory]
    [InlineData("F16", 1e-3)]
    [InlineData("BF16", 1e-2)]
    public void Half_precision_weights_are_widened(string type, double tolerance)
    {
        var imported = ModelImport.Run(_sample.Options(Torch(type), 32, Pools) with { Architecture = "vgg16" });

        var expected = WeightFiles.Noise(WeightFiles.Blocks12[0]).Kernel;
        var found = OnnxTensor.ToFloats(imported.Proto.Graph.Initializer.Single(t => t.Name == "block1_conv1.weight"));
        Assert.NotEqual(expected, found);
        Assert.All(expected.Zip(found), pair => Assert.Equal(pair.First, pair.Second, tolerance * Math.Abs(pair.First) + 1e-7));
    }

    [Fact]
    public void The_architecture_follows_from_the_names_where_only_one_fits()
    {
        // A convolution at features.16 is vgg19's fourth of block 3.
        var path = _sample.Folder.Write(
            "vgg19.safetensors", WeightFiles.Safetensors(WeightFiles.TorchTensors(VggArchitecture.Vgg19, "block3_pool")));

        var imported = _sample.Import(path, 32, "block2_pool");

        Assert.Equal("vgg19", imported.Contract.Architecture);
        Assert.Contains(imported.Notes, n => n.Contains("vgg19"));
    }

    [Fact]
    public void Weights_that_could_be_several_architectures_need_the_option()
    {
        var error = Assert.Throws<CommandException>(() => _sample.Import(Torch(), 32, "block2_pool"));

        Assert.Equal(ExitCode.Usage, error.ExitCode);
        Assert.Contains("vgg13 or vgg16 or vgg19", error.Message);
    }

    [Fact]
    public void Images_too_small_for_the_deepest_layer_are_refused() => Assert.Contains(
        "too small for block2_pool",
        Assert.Throws<CommandException>(() => ModelImport.Run(_sample.Options(Torch(), 3, Pools) with { Architecture = "vgg16" })).Message);

    [Fact]
    public void A_missing_tensor_is_named_with_its_layer_its_file_and_how_deep_the_file_reaches()
    {
        var error = Assert.Throws<CommandException>(() => ModelImport.Run(_sample.Options(Torch(), 32) with { Architecture = "vgg16" }));

        Assert.Contains("torchF32.safetensors lacks 'features.10.weight', the weights of layer block3_conv1 of vgg16", error.Message);
        Assert.Contains("--layer block2_pool", error.Message);
    }

    [Fact]
    public void A_missing_keras_layer_is_named_with_its_file()
    {
        var path = _sample.Folder.File("keras.h5");
        WeightFiles.WriteKeras(path, (layer, kind) => $"{layer}/{kind}:0");

        var error = Assert.Throws<CommandException>(() => ModelImport.Run(_sample.Options(path, 32) with { Architecture = "vgg16" }));

        Assert.Contains("keras.h5 lacks 'block3_conv1/kernel'", error.Message);
    }

    [Fact]
    public void A_wrong_shape_is_named_with_its_layer_and_its_file()
    {
        var tensors = WeightFiles.TorchTensors();
        tensors["features.2.weight"] = ([64, 3, 3, 3], new float[64 * 27]);
        var path = _sample.Folder.Write("wrong.safetensors", WeightFiles.Safetensors(tensors));

        var error =
            Assert.Throws<CommandException>(() => ModelImport.Run(_sample.Options(path, 32, Pools) with { Architecture = "vgg16" }));

        Assert.Contains(
            "wrong.safetensors: 'features.2.weight' has shape [64, 3, 3, 3], but layer block1_conv2 of vgg16 needs [64, 64, 3, 3]",
            error.Message);
    }

    private static bool Same(ImportedModel a, ImportedModel b)
    {
        var (first, second) = (ImportSample.Initialisers(a), ImportSample.Initialisers(b));
        return first.Count == 8 && first.Count == second.Count && first.All(t => second[t.Key].Equals(t.Value));
    }

    /// <summary>
    /// The first two blocks of vgg16, then something that is not VGG; every tensor named by number, the first bias a Constant's.
    /// </summary>
    private static ModelProto OtherNames()
    {
        var nodes = new List<NodeProto>();
        var initialisers = new List<TensorProto>();
        var tensor = "t0";
        foreach (var convolution in WeightFiles.Blocks12)
        {
            var weights = WeightFiles.Noise(convolution);
            var n = nodes.Count;
            initialisers.Add(OnnxTensor.FromFloats($"k{n}", weights.Kernel, convolution.OutChannels, convolution.InChannels, 3, 3));
            var bias = OnnxTensor.FromFloats($"b{n}", weights.Bias, convolution.OutChannels);
            if (n == 0)
                nodes.Add(Node("Constant", [], "b0",
                    new AttributeProto { Name = "value", Type = AttributeProto.Types.AttributeType.Tensor, T = bias }));
            else
                initialisers.Add(bias);
            nodes.Add(Node("Conv", [tensor, $"k{n}", $"b{n}"], $"c{n}", Ints("pads", 1, 1, 1, 1)));
            nodes.Add(Node("Relu", [$"c{n}"], tensor = $"t{nodes.Count}"));
            if (convolution.Index == 2)
                nodes.Add(Node("MaxPool", [tensor], tensor = $"t{nodes.Count}", Ints("kernel_shape", 2, 2), Ints("strides", 2, 2)));
        }

        nodes.Add(Node("GlobalAveragePool", [tensor], "end"));
        return Model(13, Input("t0", DataType.Float, 0, 3, 0, 0), ["end"], [.. nodes], [.. initialisers]);
    }
}
