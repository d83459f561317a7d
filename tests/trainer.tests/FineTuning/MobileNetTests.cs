using Headstart.Models;
using Headstart.Preprocessing;
using Headstart.Trainer.FineTuning;
using static TorchSharp.torch;

namespace Headstart.Tests.FineTuning;

/// <summary>Google's MobileNets, as far as they are at hand beside the repository; skipped where they aren't.</summary>
public sealed class MobileNetTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // The tensor may be inside a block with a branch around it: nothing may be lost on the branch.
    [Theory]
    [InlineData("mobilenet_v2_1.0_224_notop", 1280, 40)]
    [InlineData("mobilenet_v1_0.25_224", 256, 20)]
    public void Rebuilt_networks_and_their_tails_agree_with_ONNX_Runtime(string name, int channels, int tensorsBeforeTheLast)
    {
        var proto = ModelFile.LoadGraph(SharedMaterial.Find($"models/{name}.onnx"));
        var computed = OnnxGraph.ComputedTensors(OnnxGraph.CutTo(proto, ["features"]).Graph).ToList();
        var inner = computed[^tensorsBeforeTheLast];
        var model = VggSample.Save(_folder, proto, new ModelContract
        {
            Name = name,
            Architecture = "onnx",
            Preprocessing = Presets.Mobilenet,
            Layers = [new ModelLayer("features", new LayerShape(channels, 7, 7))],
            Weights = new WeightsSource(name, new string('0', 64)),
        });
        var images = VggSample.Images(model, 2);
        using var network = OnnxTail.FromModel(model, CPU, null, "features");
        using var scope = NewDisposeScope();

        var found = network.Forward(tensor(images, [2, 3, 224, 224])).contiguous().data<float>().ToArray();

        var distance = OnnxRuntimeReference.RelativeDistance(
            found, OnnxRuntimeReference.Run(OnnxGraph.CutTo(proto, ["features"]), images, 224)["features"]);
        TestContext.Current.TestOutputHelper!.WriteLine($"{name}: relative distance {distance:g3}");
        Assert.InRange(distance, 0, 1e-5);

        network.Unfreeze(inner);
        network.Forward(tensor(images, [2, 3, 224, 224])).square().mean().backward();
        Assert.InRange(network.Trained.Count, 2, network.Parameters.Count - 2);
        Assert.All(network.Parameters, p => Assert.Equal(p.Value.requires_grad, p.Value.grad is not null));
        Assert.All(network.Trained, p => Assert.True(p.Value.grad!.abs().sum().item<float>() > 0, p.Name));
    }
}
