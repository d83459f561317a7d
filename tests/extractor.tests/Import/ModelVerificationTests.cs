using Headstart.Extraction.Import;
using Headstart.Models;
using Headstart.Models.Onnx;
using static Headstart.Tests.Models.OnnxSamples;

namespace Headstart.Tests.Import;

public sealed class ModelVerificationTests : IDisposable
{
    private readonly ImportSample _sample = new();

    public void Dispose() => _sample.Dispose();

    [Fact]
    public void A_whole_model_computes_what_it_did_at_import()
    {
        var verified = ModelVerification.Run(Save(_sample.Import(Residual())));

        Assert.Equal(["features", "logits"], verified.Select(l => l.Name));
        Assert.All(verified, l => Assert.InRange(l.Deviation, 0, 1e-3));
    }

    [Fact]
    public void Swapped_weights_are_found_though_the_seal_is_right()
    {
        var imported = _sample.Import(Residual());
        var kernel = imported.Proto.Graph.Initializer.Single(t => t.Name == "w2");
        kernel.RawData = Noise("w2", 99, 4, 4, 3, 3).RawData;

        var error = Assert.Throws<CommandException>(() => ModelVerification.Run(Save(imported)));

        Assert.Contains("layer features computes other values", error.Message);
        Assert.Contains("in.onnx", error.Message);
    }

    [Fact]
    public void A_model_without_a_record_is_not_called_whole()
    {
        var imported = _sample.Import(Residual());

        var error = Assert.Throws<CommandException>(
            () => ModelVerification.Run(Save(imported with { Contract = imported.Contract with { Fingerprint = null } })));

        Assert.Contains("can't be verified", error.Message);
    }

    [Fact]
    public void A_graph_with_a_fixed_batch_can_be_verified()
    {
        var model = Model(
            13, Input("x", TensorProto.Types.DataType.Float, 2, 3, 8, 8), ["y"], [Node("Reshape", ["x", "shape"], "y")],
            Int64s("shape", 2, 192));

        Assert.Single(ModelVerification.Run(Save(_sample.Import(model))));
    }

    private ModelFile Save(ImportedModel imported)
    {
        var path = _sample.Folder.File("m.onnx");
        ModelFile.Save(imported.Proto, imported.Contract, path);
        return ModelFile.Load(path);
    }
}
