using Google.Protobuf;
using Headstart.Models;
using Headstart.Models.Onnx;
using Headstart.Preprocessing;
using static Headstart.Tests.Models.OnnxSamples;
using DataType = Headstart.Models.Onnx.TensorProto.Types.DataType;

namespace Headstart.Tests.Import;

public sealed class OnnxImportTests : IDisposable
{
    private readonly ImportSample _sample = new();

    private static float[] Image(int seed) => SyntheticInput.Create(Plain, seed);

    public void Dispose() => _sample.Dispose();

    [Fact]
    public void Without_layers_every_output_becomes_one()
    {
        var imported = _sample.Import(Residual());

        Assert.Equal([new ModelLayer("features", new LayerShape(4, 8, 8)), new ModelLayer("logits", new LayerShape(2, 1, 1))],
            imported.Contract.Layers);
        Assert.Null(imported.Contract.FixedBatch);
        Assert.Equal("in", imported.Contract.Name);
    }

    [Fact]
    public void An_inner_tensor_becomes_a_layer_and_what_follows_is_cut_off()
    {
        var imported = _sample.Import(Residual(), "norm");

        Assert.Equal([new ModelLayer("norm", new LayerShape(4, 8, 8))], imported.Contract.Layers);
        Assert.DoesNotContain("dense", imported.Proto.Graph.Initializer.Select(t => t.Name));
        Assert.Equal(["batch", "", "", ""], imported.Proto.Graph.Output[0].Type.TensorType.Shape.Dim.Select(d => d.DimParam));
        Assert.Equal([0L, 4, 8, 8], imported.Proto.Graph.Output[0].Type.TensorType.Shape.Dim.Select(d => d.DimValue));
    }

    [Fact]
    public void A_wrong_layer_is_answered_with_the_nearest_names() =>
        Assert.Contains("features", Assert.Throws<CommandException>(() => _sample.Import(Residual(), "feature")).Message);

    [Fact]
    public void The_same_file_gives_the_same_bytes()
    {
        _sample.Import(Residual());
        byte[][] written = [.. Enumerable.Range(0, 2).Select(i =>
        {
            var imported = _sample.Import(Residual());
            var path = _sample.Folder.File($"{i}.onnx");
            ModelFile.Save(imported.Proto, imported.Contract, path);
            return File.ReadAllBytes(path);
        })];

        Assert.Equal(written[0], written[1]);
    }

    [Fact]
    public void A_fixed_batch_is_made_dynamic_where_the_graph_allows()
    {
        var imported = _sample.Import(Residual(1, 3, 8, 8));

        Assert.Null(imported.Contract.FixedBatch);
        var together = ImportSample.Run(imported, Image(3), Image(4))["logits"];
        Assert.Equal([2L, 2], together.Shape);
        Assert.Equal(
            ImportSample.Run(imported, Image(4))["logits"].Values, together.Values[2..], (a, b) => Math.Abs(a - b) < 1e-3 * Math.Abs(a));
    }

    [Fact]
    public void A_batch_that_is_built_into_the_graph_is_kept_and_recorded()
    {
        var imported = _sample.Import(Model(
            13,
            Input("x", DataType.Float, 1, 3, 8, 8),
            ["y"],
            [Node("Relu", ["x"], "r"), Node("Reshape", ["r", "shape"], "y")],
            Int64s("shape", 1, 192)));

        Assert.Equal(1, imported.Contract.FixedBatch);
        Assert.Equal([new ModelLayer("y", new LayerShape(192, 1, 1))], imported.Contract.Layers);
        Assert.Equal(1, imported.Proto.Graph.Input[0].Type.TensorType.Shape.Dim[0].DimValue);
        Assert.Contains(imported.Notes, n => n.Contains("batches of 1 only"));
    }

    [Fact]
    public void A_network_that_mixes_its_batch_keeps_the_batch_that_it_declares()
    {
        // Subtracts the mean over the batch: two images together don't give what each gives alone.
        var imported = _sample.Import(Model(
            13,
            Input("x", DataType.Float, 4, 3, 8, 8),
            ["y"],
            [Node("ReduceMean", ["x"], "m", Ints("axes", 0)), Node("Sub", ["x", "m"], "d"), Node("Add", ["x", "d"], "y")]));

        Assert.Equal(4, imported.Contract.FixedBatch);
    }

    [Fact]
    public void An_nhwc_network_is_fed_nchw()
    {
        // The network itself turns N x H x W x C round, so what comes out must be what went in.
        var imported = _sample.Import(Model(
            13, Input("x", DataType.Float, 0, 8, 8, 3), ["y"], [Node("Transpose", ["x"], "y", Ints("perm", 0, 3, 1, 2))]));

        Assert.Equal(Image(5), ImportSample.Run(imported, Image(5))["y"].Values);
        Assert.Equal([0L, 3, 8, 8], Assert.Single(imported.Proto.Graph.Input).Type.TensorType.Shape.Dim.Select(d => d.DimValue));
    }

    [Theory]
    [InlineData(9)]
    [InlineData(13)]
    public void A_uint8_network_is_fed_rounded_and_clamped_pixels(int opset)
    {
        var imported = _sample.Import(Model(opset, Input("x", DataType.Uint8, 0, 3, 8, 8), ["y"], [Cast("x", "y", DataType.Float)]));
        var image = new float[192];
        new[] { -3f, 0.4f, 0.5f, 1.5f, 2.5f, 254.6f, 300f }.CopyTo(image, 0);

        Assert.Equal([0, 0, 1, 2, 3, 255, 255], ImportSample.Run(imported, image)["y"].Values[..7]);
    }

    [Fact]
    public void A_uint8_network_normalises_by_itself()
    {
        var path = Write(_sample.Folder, "in.onnx", Model(13, Input("x", DataType.Uint8, 0, 224, 224, 3), ["y"],
            [Cast("x", "f", DataType.Float), Node("Transpose", ["f"], "y", Ints("perm", 0, 3, 1, 2))]));

        var preprocessing = Extraction.Import.ModelImport.Run(_sample.Options(path) with { Preset = "keras" }).Contract.Preprocessing;

        Assert.Equal(1, preprocessing.DivideBy);
        Assert.Equal([0, 0, 0], preprocessing.Mean);
        Assert.Equal(ChannelOrder.Bgr, preprocessing.Channels);
        Assert.Equal("custom", preprocessing.Preset);
    }

    [Fact]
    public void A_float16_network_takes_and_gives_float32_under_its_own_names()
    {
        var weights =
            new TensorProto { Name = "w", DataType = (int)DataType.Float16, RawData = ByteString.CopyFrom(BitConverter.GetBytes((Half)2)) };
        var imported = _sample.Import(Model(
            13, Input("x", DataType.Float16, 0, 3, 8, 8), ["y"], [Node("Mul", ["x", "w"], "y"), Node("Relu", ["y"], "z")],
            weights), "y", "z");

        Assert.Equal("float16", imported.Contract.Precision);
        Assert.Equal(["y", "z"], imported.Contract.Layers.Select(l => l.Name).Order());
        Assert.Equal(Image(6).Select(v => v * 2), ImportSample.Run(imported, Image(6))["z"].Values);
    }

    [Fact]
    public void Initialisers_listed_as_inputs_are_not_mistaken_for_inputs()
    {
        var model = Residual();
        model.IrVersion = 3;
        foreach (var tensor in model.Graph.Initializer)
            model.Graph.Input.Add(Input(tensor.Name, DataType.Float, [.. tensor.Dims]));

        Assert.Single(_sample.Import(model).Proto.Graph.Input);
    }

    [Fact]
    public void Weights_in_constant_nodes_and_behind_identities_are_weights_like_others()
    {
        var plain = _sample.Import(Residual());
        var model = Residual();
        var kernel = model.Graph.Initializer.Single(t => t.Name == "w1");
        model.Graph.Initializer.Remove(kernel);
        model.Graph.Initializer.Single(t => t.Name == "w2").Name = "hidden";
        model.Graph.Node.Insert(0, Node(
            "Constant", [], "w1", new AttributeProto { Name = "value", Type = AttributeProto.Types.AttributeType.Tensor, T = kernel }));
        model.Graph.Node.Insert(0, Node("Identity", ["hidden"], "w2"));

        var imported = _sample.Import(model);

        Assert.Equal(ImportSample.Initialisers(plain), ImportSample.Initialisers(imported));
        Assert.Equal(plain.ParameterCount, imported.ParameterCount);
        Assert.Contains(imported.Notes, n => n.StartsWith("2 weight tensors stood in Constant nodes"));
        var half =
            Extraction.Import.ModelImport.Run(_sample.Options(_sample.Folder.File("in.onnx")) with { Precision = WeightPrecision.Float16 });
        Assert.Equal(3, half.Proto.Graph.Initializer.Count(t => t.DataType == (int)DataType.Float16)); // w1, w2 and dense
    }

    [Fact]
    public void Weights_beside_the_file_are_brought_into_constants_too()
    {
        var model = Residual();
        var expected = ImportSample.Run(_sample.Import(model), Image(1))["logits"].Values;
        var kernel = model.Graph.Initializer.Single(t => t.Name == "w1");
        _sample.Folder.Write("weights.bin", kernel.RawData.ToByteArray());
        kernel.ClearRawData();
        kernel.DataLocation = TensorProto.Types.DataLocation.External;
        kernel.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = "weights.bin" });
        model.Graph.Initializer.Remove(kernel);
        model.Graph.Node.Insert(0, Node(
            "Constant", [], "w1", new AttributeProto { Name = "value", Type = AttributeProto.Types.AttributeType.Tensor, T = kernel }));

        Assert.Equal(expected, ImportSample.Run(_sample.Import(model), Image(1))["logits"].Values);
    }

    [Fact]
    public void The_file_whose_weights_stood_in_constant_nodes_has_them_all()
    {
        var imported = Extraction.Import.ModelImport.Run(new()
        {
            Weights = SharedMaterial.Find("cases/B22/weights_in_constant_nodes.onnx"),
            Out = _sample.Folder.File("out.onnx"),
            Preset = "keras",
        });

        Assert.Equal(18960, imported.ParameterCount); // 16 x 3 x 9, 32 x 16 x 9, 48 x 32 x 9, and a bias a channel
        Assert.DoesNotContain(imported.Proto.Graph.Node, n => n.OpType is "Constant" or "Identity");
    }

    [Fact]
    public void Weights_beside_the_file_are_brought_into_it()
    {
        var model = Residual();
        var expected = ImportSample.Run(_sample.Import(model), Image(1))["logits"].Values;
        var kernel = model.Graph.Initializer.Single(t => t.Name == "w1");
        _sample.Folder.Write("weights.bin", [1, 2, 3, 4, .. kernel.RawData.Span]);
        kernel.ClearRawData();
        kernel.DataLocation = TensorProto.Types.DataLocation.External;
        kernel.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = "weights.bin" });
        kernel.ExternalData.Add(new StringStringEntryProto { Key = "offset", Value = "4" });

        Assert.Equal(expected, ImportSample.Run(_sample.Import(model), Image(1))["logits"].Values);

        kernel.ExternalData[0].Value = "../weights.bin";
        Assert.Contains("outside its own folder", Assert.Throws<CommandException>(() => _sample.Import(model)).Message);
    }

    [Fact]
    public void A_named_preset_stretches_to_the_size_that_the_network_takes()
    {
        var path = Write(_sample.Folder, "in.onnx", Residual(1, 3, 96, 96));

        var imported = Extraction.Import.ModelImport.Run(_sample.Options(path) with { Preset = "mobilenet" });

        Assert.Equal(96, imported.Contract.Preprocessing.Size);
        Assert.Contains("\"size\": 96", Assert.Throws<CommandException>(() => _sample.Import(path)).Message);
    }

    public static TheoryData<string, ModelProto, string> Impossible => new()
    {
        { "two inputs", TwoInputs(), "several inputs (x, z)" },
        { "grey pictures", Model(13, Input("x", DataType.Float, 0, 1, 8, 8), ["y"], [Node("Relu", ["x"], "y")]), "3 channels" },
        { "a table", Model(13, Input("x", DataType.Float, 0, 3), ["y"], [Node("Relu", ["x"], "y")]), "four dimensions" },
        { "words", Model(13, Input("x", DataType.Int64, 0, 3, 8, 8), ["y"], [Cast("x", "y", DataType.Float)]), "takes Int64 values" },
        { "oblong pictures", Model(13, Input("x", DataType.Float, 0, 3, 8, 9), ["y"], [Node("Relu", ["x"], "y")]), "8 x 9" },
        { "sequences", Model(13, Input("x", DataType.Float, 0, 3, 8, 8), ["y"], [Node("Reshape", ["x", "s"], "y")], Int64s(
            "s", 0, 3, 64)), "no output that could be a layer" },
        { "nonsense", Model(13, Input("x", DataType.Float, 0, 3, 8, 8), ["y"], [Node("Frobnicate", ["x"], "y")]), "ONNX Runtime can't " +
            "load" },
        { "infinity", Model(13, Input(
            "x", DataType.Float, 0, 3, 8, 8), ["y"], [Node("Div", ["x", "n"], "y")], OnnxTensor.FromFloats("n", [0], 1)), "not finite" },
    };

    [Theory]
    [MemberData(nameof(Impossible))]
    public void What_takes_no_pictures_is_refused_with_the_reason(string what, ModelProto model, string reason)
    {
        var error = Assert.Throws<CommandException>(() => _sample.Import(model));

        Assert.True(error.Message.Contains(reason) && error.Message.Contains("in.onnx"), $"{what}: {error.Message}");
    }

    private static ModelProto TwoInputs()
    {
        var model = Model(13, Input("x", DataType.Float, 0, 3, 8, 8), ["y"], [Node("Add", ["x", "z"], "y")]);
        model.Graph.Input.Add(Input("z", DataType.Float, 0, 3, 8, 8));
        return model;
    }
}
