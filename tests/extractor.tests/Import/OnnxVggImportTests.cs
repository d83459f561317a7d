using Headstart.Extraction.Import;
using Headstart.Models;
using Headstart.Models.Onnx;
using static Headstart.Tests.Models.OnnxSamples;
using DataType = Headstart.Models.Onnx.TensorProto.Types.DataType;

namespace Headstart.Tests.Import;

/// <summary>An ONNX graph is a VGG only where the VGG computes what the graph does.</summary>
public sealed class OnnxVggImportTests : IDisposable
{
    private readonly ImportSample _sample = new();

    public void Dispose() => _sample.Dispose();

    [Fact]
    public void A_network_that_begins_like_a_vgg_is_imported_as_it_is()
    {
        var graph = Graph(64, ["embedding"], Node("Conv", ["pool1", "w5"], "five", Ints("pads", 2, 2, 2, 2)),
            Node("GlobalAveragePool", ["five"], "embedding"));

        var imported = Import(graph, "keras");

        Assert.Equal("onnx", imported.Contract.Architecture);
        Assert.Equal([new ModelLayer("embedding", new LayerShape(8, 1, 1))], imported.Contract.Layers);
        Assert.Equal(64, imported.Contract.Preprocessing.Size);
        var error = Assert.Throws<CommandException>(() => Import(graph, "keras", "vgg11", "block1_pool"));
        Assert.Contains("is not a vgg11 down to block1_pool", error.Message);
    }

    [Fact]
    public void A_classifier_after_a_block_is_not_lost()
    {
        var graph = Graph(64, ["logits", "pool1"], Node("GlobalAveragePool", ["pool1"], "g"), Node("Flatten", ["g"], "f"),
            Node("MatMul", ["f", "dense"], "logits"));

        Assert.Equal(["logits", "pool1"], Import(graph, "keras").Contract.Layers.Select(l => l.Name).Order());

        // Who says that it is one gets the block, and is told what that leaves out.
        var named = Import(graph, "keras", "vgg11");
        Assert.Equal(["block1_pool"], named.Contract.Layers.Select(l => l.Name));
        Assert.Contains(named.Notes, n => n.Contains("logits"));
    }

    [Fact]
    public void A_vgg_keeps_the_size_of_the_file_and_computes_the_same()
    {
        var graph = Graph(32, ["pool1"]);

        var imported = Import(graph, "keras");

        Assert.Equal(("vgg11", 32), (imported.Contract.Architecture, imported.Contract.Preprocessing.Size));
        Assert.Equal([new ModelLayer("block1_pool", new LayerShape(64, 16, 16))], imported.Contract.Layers);
        Assert.Contains(imported.Notes, n => n.Contains("32 x 32"));
        var image = SyntheticInput.Create(imported.Contract.Preprocessing, 3);
        using var original = GraphProbe.Open(graph, "original");
        var expected = original.Run([image], 32)["pool1"].Values;
        Assert.Equal(expected, ImportSample.Run(imported, image)["block1_pool"].Values, (a, b) => Math.Abs(a - b) <= 1e-5 * expected.Max());
        Assert.Contains("\"size\": 32", Assert.Throws<CommandException>(() => Import(graph, "torchvision")).Message);
    }

    [Fact]
    public void A_pooling_that_keeps_the_last_odd_row_makes_another_network()
    {
        // 33 x 33 to 17 x 17, where a VGG gives 16 x 16.
        var graph = Graph(33, ["pool1"]);
        graph.Graph.Node.Single(n => n.OpType == "MaxPool").Attribute.Add(
            new AttributeProto
            {
                Name = "auto_pad",
                Type = AttributeProto.Types.AttributeType.String,
                S = Google.Protobuf.ByteString.CopyFromUtf8("SAME_UPPER"),
            });

        var imported = Import(graph, "keras");

        Assert.Equal([new ModelLayer("pool1", new LayerShape(64, 17, 17))], imported.Contract.Layers);
        Assert.Contains(imported.Notes, n => n.Contains("looks like vgg11, but its block1_pool computes something else"));
        Assert.Contains("computes something else", Assert.Throws<CommandException>(() => Import(graph, "keras", "vgg11")).Message);
    }

    [Fact]
    public void An_output_below_the_last_pooling_is_a_layer_too()
    {
        var graph =
            Graph(32, ["last"], Node("Conv", ["pool1", "w2"], "second", Ints("pads", 1, 1, 1, 1)), Node("Relu", ["second"], "last"));

        var imported = Import(graph, "keras");

        Assert.Equal("vgg11", imported.Contract.Architecture);
        Assert.Equal(["block1_pool", "block2_conv1"], imported.Contract.Layers.Select(l => l.Name));
    }

    [Theory]
    [InlineData("own-cnn", "onnx", "embedding", 64)]
    [InlineData("vgg-32", "vgg11", "block1_pool", 32)]
    public void Files_that_were_taken_for_another_network(string name, string architecture, string layer, int size)
    {
        var path = SharedMaterial.Find($"cases/B11/{name}.onnx");

        var contract =
            ModelImport.Run(new ImportOptions { Weights = path, Out = _sample.Folder.File("out.onnx"), Preset = "keras" }).Contract;

        Assert.Equal((architecture, layer, size), (contract.Architecture, contract.Layers.Single().Name, contract.Preprocessing.Size));
    }

    [Fact]
    public void A_vgg_in_another_architectures_name_is_told_which_it_is()
    {
        var options = new ImportOptions
        {
            Weights = SharedMaterial.Find("models/vgg16_block3_pool.onnx"),
            Out = _sample.Folder.File("out.onnx"),
            Preset = "keras",
            Architecture = "vgg19",
        };

        var error = Assert.Throws<CommandException>(() => ModelImport.Run(options));

        Assert.Contains("its convolutions by block are 2, 2, 3, as those of vgg16. Pass --arch vgg16", error.Message);
        Assert.Equal(ExitCode.Usage, error.ExitCode);
    }

    private ImportedModel Import(ModelProto model, string preset, string? architecture = null, params string[] layers) =>
        ModelImport.Run(new ImportOptions
        {
            Weights = Write(_sample.Folder, "in.onnx", model),
            Out = _sample.Folder.File("out.onnx"),
            Preset = preset,
            Architecture = architecture,
            Layers = layers,
        });

    /// <summary>vgg11's first block, then something else.</summary>
    private static ModelProto Graph(int size, string[] outputs, params NodeProto[] rest) => Model(
        13,
        Input("x", DataType.Float, 0, 3, size, size),
        outputs,
        [
            Node("Conv", ["x", "w1", "b1"], "c1", Ints("pads", 1, 1, 1, 1)),
            Node("Relu", ["c1"], "r1"),
            Node("MaxPool", ["r1"], "pool1", Ints("kernel_shape", 2, 2), Ints("strides", 2, 2)),
            .. rest,
        ],
        Noise("w1", 1, 64, 3, 3, 3),
        Noise("b1", 2, 64),
        Noise("w2", 3, 128, 64, 3, 3),
        Noise("w5", 4, 8, 64, 5, 5),
        Noise("dense", 5, 64, 10));
}
