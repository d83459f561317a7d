using Headstart.Models;
using static Headstart.Tests.Models.OnnxSamples;

namespace Headstart.Tests.Models;

public sealed class ModelFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_saved_is_read_back()
    {
        var model = Residual();
        var contract = Contract(new ModelLayer("features", new LayerShape(4, 8, 8))) with
        {
            FixedBatch = 2,
            Fingerprint = [new LayerFingerprint("features", 1.25, [0.5, -0.25])],
        };
        var path = _folder.File("m.onnx");

        ModelFile.Save(model, contract, path);
        var loaded = ModelFile.Load(path);

        Assert.Equal(model.Graph, loaded.Proto.Graph);
        Assert.Equal(contract.Layers, loaded.Contract.Layers);
        Assert.Equal(2, loaded.Contract.FixedBatch);
        Assert.Equal([0.5, -0.25], Assert.Single(loaded.Contract.Fingerprint!).Means);
        Assert.Equal(64, loaded.Contract.Seal!.Length);
    }

    [Fact]
    public void A_flipped_bit_anywhere_in_the_file_is_found()
    {
        var path = _folder.File("m.onnx");
        ModelFile.Save(Residual(), Contract(new ModelLayer("features", new LayerShape(4, 8, 8))), path);
        var whole = File.ReadAllBytes(path);
        ModelFile.Load(path);

        for (var i = 0; i < whole.Length; i++)
        {
            var damaged = (byte[])whole.Clone();
            damaged[i] ^= (byte)(1 << (i % 8));
            File.WriteAllBytes(path, damaged);
            Assert.Throws<CommandException>(() => ModelFile.Load(path));
        }
    }

    [Fact]
    public void A_model_that_is_saved_again_gets_a_new_seal()
    {
        var path = _folder.File("m.onnx");
        ModelFile.Save(Residual(), Contract(new ModelLayer("features", new LayerShape(4, 8, 8))), path);
        var first = ModelFile.Load(path);

        ModelFile.Save(first.Proto, first.Contract with { Name = "other" }, path);

        Assert.Equal("other", ModelFile.Load(path).Contract.Name);
        Assert.NotEqual(first.Contract.Seal, ModelFile.Load(path).Contract.Seal);
    }

    [Fact]
    public void A_plain_onnx_file_is_refused_with_the_command_that_stamps_it()
    {
        var path = Write(_folder, "plain.onnx", Residual());

        Assert.Contains("extractor model import", Assert.Throws<CommandException>(() => ModelFile.Load(path)).Message);
    }
}
