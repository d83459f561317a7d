using Headstart.Extraction.Import;
using Headstart.Models;

namespace Headstart.Tests.Import;

/// <summary>What a weight file says about itself outweighs what the user says about it.</summary>
public sealed class VggRecognitionTests : IDisposable
{
    private readonly ImportSample _sample = new();

    public void Dispose() => _sample.Dispose();

    // Without layers, down to where a network of the wrong architecture could be built, and above where the two differ.
    [Theory]
    [InlineData("vgg19", "vgg16")]
    [InlineData("vgg19", "vgg16", "block3_pool")]
    [InlineData("vgg19", "vgg16", "block1_pool")]
    [InlineData("vgg13", "vgg11")]
    [InlineData("vgg13", "vgg11", "block1_pool")]
    [InlineData("vgg11", "vgg19", "block1_conv1")]
    public void Another_architecture_than_the_files_is_wrong_usage(string holds, string asked, params string[] layers)
    {
        var error = Refusal(Torch(holds, "block3_pool"), asked, layers);

        Assert.Equal(ExitCode.Usage, error.ExitCode);
        Assert.Contains($"Its tensors are those of {holds}: pass --arch {holds}, or leave --arch out.", error.Message);
        Assert.DoesNotContain("--layer", error.Message);
    }

    // Keras' names number within a block, so that one architecture's may be a part of another's.
    [Theory]
    [InlineData("vgg13", "vgg16")]
    [InlineData("vgg13", "vgg16", "block2_pool")]
    [InlineData("vgg13", "vgg19", "block1_pool")]
    [InlineData("vgg13", "vgg11", "block1_pool")]
    public void A_keras_file_that_leaves_a_convolution_out_is_of_another_architecture(string holds, string asked, params string[] layers)
    {
        var error = Refusal(Keras(VggArchitecture.Named(holds).ConvolutionsUpTo("block4_conv1")), asked, layers);

        Assert.Equal(ExitCode.Usage, error.ExitCode);
        Assert.Contains("Its tensors are those of vgg13", error.Message);
        Assert.DoesNotContain("--layer", error.Message);
    }

    [Fact]
    public void A_keras_file_without_names_is_known_by_its_shapes()
    {
        var path = _sample.Folder.File("numbered.weights.h5");
        WeightFiles.WriteKeras3(path, VggArchitecture.Vgg13.ConvolutionsUpTo("block4_conv1"));

        Assert.Contains("layer block3_conv3 of vgg16 needs [3, 3, 256, 256]", Refusal(path, "vgg16", "block2_pool").Message);
        Assert.Equal("vgg13", _sample.Import(path, 32, "block2_pool").Contract.Architecture);
    }

    [Fact]
    public void Where_a_file_ends_with_a_block_decides_between_architectures()
    {
        var blocks123 = Torch("vgg16", "block3_pool"); // As vgg19's, its fourth convolution of block 3 would be missing.

        Assert.Equal("vgg16", _sample.Import(blocks123, 32, "block2_pool").Contract.Architecture);
        Assert.Equal("vgg16", _sample.Import(blocks123, 32, "block3_pool").Contract.Architecture);
        var error = Refusal(blocks123, "vgg19");
        Assert.Contains("lacks 'features.16.weight', the weights of layer block3_conv4 of vgg19. Its tensors are those of vgg16 down to " +
            "block3_pool: check --arch.", error.Message);
        Assert.Contains("pass --layer block3_pool", Assert.Throws<CommandException>(() => _sample.Import(blocks123, 32)).Message);
    }

    [Fact]
    public void A_file_that_ends_within_a_block_is_imported_down_to_there()
    {
        var path = Torch("vgg16", "block3_conv2");

        var imported = ModelImport.Run(_sample.Options(path, 32, "block3_conv2") with { Architecture = "vgg16" });

        Assert.Equal("block3_conv2", imported.Contract.Layers.Single().Name);
        Assert.Contains(imported.Notes, n => n.Contains("where one of vgg13 ends"));
    }

    [Fact]
    public void Convolutions_that_no_vgg_has_are_named()
    {
        var deeper = WeightFiles.TorchTensors();
        deeper["features.9.weight"] = ([8, 128, 3, 3], new float[8 * 128 * 9]);
        var squeeze = WeightFiles.TorchTensors(VggArchitecture.Vgg11, "block1_conv1");
        squeeze["features.3.squeeze.weight"] = ([16, 64, 1, 1], new float[1024]);
        var files = (_sample.Folder.Write("deeper.safetensors", WeightFiles.Safetensors(deeper)),
            _sample.Folder.Write("squeeze.safetensors", WeightFiles.Safetensors(squeeze)));

        var error = Refusal(files.Item1, "vgg16", "block1_pool");
        Assert.Contains("'features.9.weight', which is no convolution of vgg16. Its tensors are those of no VGG", error.Message);
        Assert.Equal(ExitCode.Failed, error.ExitCode);
        Assert.Contains("holds no VGG", Assert.Throws<CommandException>(() => _sample.Import(files.Item1, 32, "block1_pool")).Message);
        Assert.Contains("'features.3.squeeze.weight', which is no VGG's", Refusal(files.Item2, "vgg11", "block1_conv1").Message);
    }

    [Fact]
    public void A_variant_with_batch_norm_is_none_without_it()
    {
        // vgg16_bn's kernels without its norms: the positions are those of no VGG.
        var tensors = WeightFiles.Blocks12.ToDictionary(
            c => $"features.{WeightFiles.TorchPosition(VggArchitecture.Vgg16, c, batchNorm: true)}.weight",
            c => (new long[] { c.OutChannels, c.InChannels, 3, 3 }, WeightFiles.Noise(c).Kernel));
        var path = _sample.Folder.Write("bn.safetensors", WeightFiles.Safetensors(tensors));

        Assert.Contains("Its tensors are those of no VGG", Refusal(path, "vgg16", "block1_conv1").Message);
    }

    [Theory]
    [InlineData("conv2d", "conv2d/kernel:0", 3, 3, 64, 64)]
    [InlineData("batch_normalization", "batch_normalization/moving_mean:0", 64)]
    public void Keras_layers_among_the_convolutions_that_no_vgg_has_are_named(string layer, string weight, params int[] shape)
    {
        var path = _sample.Folder.File("own.h5");
        WeightFiles.WriteKeras(path, (l, kind) => $"{l}/{kind}:0", "", null, (layer, weight, [.. shape.Select(d => (ulong)d)]));

        Assert.Contains($"it has '{layer}/{weight}', which is none of Keras' VGG's", Refusal(path, "vgg16", "block1_pool").Message);
    }

    [Fact]
    public void Batch_norms_without_names_are_seen_too()
    {
        var path = _sample.Folder.File("bn.weights.h5");
        WeightFiles.WriteKeras3(path, batchNorm: true);

        Assert.Contains("layers/batch_normalization/vars/0", Refusal(path, "vgg16", "block1_pool").Message);
    }

    [Theory]
    [InlineData("vgg16")]
    [InlineData("vgg16", "block3_pool")]
    [InlineData("vgg11", "block1_pool")]
    public void The_real_VGG19_is_no_other(string asked, params string[] layers)
    {
        var error = Refusal(SharedMaterial.Find("models/vgg19_features.safetensors"), asked, layers);

        Assert.Equal(ExitCode.Usage, error.ExitCode);
        Assert.Contains("pass --arch vgg19", error.Message);
    }

    private CommandException Refusal(string path, string asked, params string[] layers) =>
        Assert.Throws<CommandException>(() => ModelImport.Run(_sample.Options(path, 32, layers) with { Architecture = asked }));

    private string Torch(string architecture, string layer) =>
        _sample.Folder.Write(
            $"{architecture}.safetensors", WeightFiles.Safetensors(WeightFiles.TorchTensors(VggArchitecture.Named(architecture), layer)));

    private string Keras(IReadOnlyList<VggConvolution> convolutions)
    {
        var path = _sample.Folder.File("named.h5");
        WeightFiles.WriteKeras(path, (layer, kind) => $"{layer}/{kind}:0", "", convolutions);
        return path;
    }
}
