using Headstart.CommandLine;
using Headstart.Models;
using Headstart.Training.FineTuning;
using Headstart.Training.Heads;
using TorchSharp;
using static TorchSharp.torch;

namespace Headstart.Tests.FineTuning;

public sealed class VggTests : IDisposable
{
    private const double Tolerance = 1e-5;
    private const int Images = 2;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("vgg11")]
    [InlineData("vgg13")]
    [InlineData("vgg16")]
    [InlineData("vgg19")]
    public void Every_layer_agrees_with_ONNX_Runtime(string name)
    {
        var architecture = VggArchitecture.Named(name);
        var model = VggSample.Write(_folder, architecture);
        var images = VggSample.Images(model, Images);
        var reference = OnnxRuntimeReference.Run(model.Proto, images, VggSample.Size);
        using var scope = NewDisposeScope();

        // A layer at a time, each on what the one before it gave, so that differences add up as in the whole network.
        Tensor features = tensor(images, [Images, 3, VggSample.Size, VggSample.Size]);
        string? previous = null;
        foreach (var layer in model.Contract.Layers)
        {
            using var step = Vgg.FromModel(model, CPU, after: previous, to: layer.Name);
            Assert.Equal([layer.Name], step.LayerNames);
            features = step.Forward(features);
            Assert.Equal([Images, layer.Shape.Channels, layer.Shape.Height, layer.Shape.Width], features.shape);
            var distance = OnnxRuntimeReference.RelativeDistance(Values(features), reference[layer.Name]);
            Assert.True(distance <= Tolerance, $"{layer.Name}: {distance:g3}");
            previous = layer.Name;
        }

        Assert.Equal(architecture.LayerNames, reference.Keys);
        using var whole = Vgg.FromModel(model, CPU);
        Assert.Equal(Values(features), Values(whole.Forward(tensor(images, [Images, 3, VggSample.Size, VggSample.Size]))));
    }

    [Fact]
    public void Parameters_are_the_initialisers_by_name_shape_and_value()
    {
        var model = VggSample.Write(_folder, VggArchitecture.Vgg11, ["block2_pool"]);
        using var vgg = Vgg.FromModel(model, CPU);

        Assert.Equal(["block1_conv1", "block1_pool", "block2_conv1", "block2_pool"], vgg.LayerNames);
        Assert.Equal((2, null, "block2_pool"), (vgg.Blocks, vgg.After, vgg.To));
        Assert.Equal(
            model.Proto.Graph.Initializer.Select(t => (t.Name, string.Join(',', t.Dims))),
            vgg.ToNamedTensors().Select(t => (t.Name, string.Join(',', t.Shape))));
        Assert.All(vgg.ToNamedTensors().Zip(model.Proto.Graph.Initializer), p => Assert.Equal(OnnxTensor.ToFloats(p.Second), p.First.Values));
    }

    [Fact]
    public void A_tail_on_the_extractors_features_agrees_with_the_whole_network()
    {
        var model = VggSample.Write(_folder, VggArchitecture.Vgg16, VggArchitecture.Vgg16.PoolNames);
        var reference = OnnxRuntimeReference.Run(model.Proto, VggSample.Images(model, Images), VggSample.Size);
        using var tail = Vgg.FromModel(model, CPU, after: "block3_pool");
        using var scope = NewDisposeScope();

        var found = Values(tail.Forward(tensor(reference["block3_pool"], [Images, 256, 4, 4])));

        Assert.Equal(2, tail.Blocks);
        Assert.Equal("block4_conv1.weight", tail.Parameters[0].Name);
        Assert.InRange(OnnxRuntimeReference.RelativeDistance(found, reference["block5_pool"]), 0, Tolerance);
    }

    [Fact]
    public void A_model_cut_at_block3_pool_works_and_has_nothing_deeper()
    {
        var model = VggSample.Write(_folder, VggArchitecture.Vgg16, ["block3_pool"]);
        var images = VggSample.Images(model, Images);
        using var vgg = Vgg.FromModel(model, CPU);
        using var scope = NewDisposeScope();

        var found = Values(vgg.Forward(tensor(images, [Images, 3, VggSample.Size, VggSample.Size])));

        Assert.Equal("block3_pool", vgg.To);
        Assert.InRange(OnnxRuntimeReference.RelativeDistance(found, OnnxRuntimeReference.Run(model.Proto, images, VggSample.Size)["block3_pool"]), 0, Tolerance);
        Assert.Contains("ends at block3_pool, so it has no block5_pool", Refused(model, to: "block5_pool"), StringComparison.Ordinal);
        Assert.Contains("Nothing lies between block3_pool and block3_pool", Refused(model, after: "block3_pool"), StringComparison.Ordinal);
        Assert.Contains("vgg16 has no layer 'block3_poool'. The nearest names: block3_pool", Refused(model, after: "block3_poool"), StringComparison.Ordinal);
    }

    [Fact]
    public void Only_unfrozen_blocks_get_gradients()
    {
        var model = VggSample.Write(_folder, VggArchitecture.Vgg13, ["block3_pool"]);
        using var vgg = Vgg.FromModel(model, CPU);
        using var scope = NewDisposeScope();
        var images = tensor(VggSample.Images(model, 1), [1, 3, VggSample.Size, VggSample.Size]);
        Assert.False(vgg.Forward(images).requires_grad);
        Assert.Empty(vgg.Trained);

        vgg.Unfreeze(2);
        vgg.Forward(images).sum().backward();

        Assert.Equal(["block2_conv1", "block2_conv2", "block3_conv1", "block3_conv2"], vgg.Trained.Select(p => p.Name.Split('.')[0]).Distinct());
        foreach (var parameter in vgg.Parameters)
            Assert.Equal(parameter.Block >= 2, parameter.Value.grad is { } gradient && gradient.abs().sum().item<float>() > 0);

        vgg.Unfreeze(1);
        Assert.All(vgg.Trained, p => Assert.Equal(3, p.Block));
        vgg.Unfreeze(vgg.Blocks);
        Assert.Equal(vgg.Parameters.Count, vgg.Trained.Count);
        Assert.Throws<ArgumentOutOfRangeException>(() => vgg.Unfreeze(4));
    }

    /// <summary>Why tuning from a cache is exact: nothing below the unfrozen block changes.</summary>
    [Fact]
    public void Gradients_from_cached_features_equal_those_from_the_image()
    {
        var model = VggSample.Write(_folder, VggArchitecture.Vgg11, ["block3_pool"]);
        using var whole = Vgg.FromModel(model, CPU);
        using var prefix = Vgg.FromModel(model, CPU, to: "block2_pool");
        using var tail = Vgg.FromModel(model, CPU, after: "block2_pool");
        using var scope = NewDisposeScope();
        var images = tensor(VggSample.Images(model, Images), [Images, 3, VggSample.Size, VggSample.Size]);
        var cached = prefix.Forward(images).contiguous();
        whole.Unfreeze(1);
        tail.Unfreeze(1);

        whole.Forward(images).square().mean().backward();
        tail.Forward(cached).square().mean().backward();

        Assert.Equal(whole.Trained.Select(p => p.Name), tail.Trained.Select(p => p.Name));
        foreach (var (expected, found) in whole.Trained.Zip(tail.Trained))
            Assert.InRange(OnnxRuntimeReference.RelativeDistance(Values(found.Value.grad!), Values(expected.Value.grad!)), 0, 1e-6);
    }

    /// <summary>Against the definition of a derivative: the loss a little to either side, in one direction of all weights.</summary>
    [Fact]
    public void Gradients_are_the_slope_of_the_loss()
    {
        var model = VggSample.Write(_folder, VggArchitecture.Vgg11, ["block2_pool"]);
        using var vgg = Vgg.FromModel(model, CPU);
        using var scope = NewDisposeScope();
        var images = tensor(VggSample.Images(model, 1), [1, 3, VggSample.Size, VggSample.Size]) / 100;
        vgg.Unfreeze(2);
        Loss().backward();
        var slope = vgg.Parameters.Sum(p => p.Value.grad!.square().sum().item<float>());

        var right = LossAt(1e-3 / Math.Sqrt(slope));
        var left = LossAt(-1e-3 / Math.Sqrt(slope));

        // A step of length 1e-3 along the gradient g changes the loss by 1e-3 |g|.
        Assert.Equal(Math.Sqrt(slope), (right - left) / 2e-3, 0.01 * Math.Sqrt(slope));

        Tensor Loss() => vgg.Forward(images).@double().square().mean();

        double LossAt(double step)
        {
            using var noGradient = no_grad();
            var before = vgg.ToNamedTensors().ToDictionary(t => t.Name);
            foreach (var parameter in vgg.Parameters)
                parameter.Value.add_(parameter.Value.grad! * step);
            var loss = Loss().item<double>();
            vgg.Load(before, "before");
            return loss;
        }
    }

    [Fact]
    public void Tuned_weights_go_back_into_the_graph()
    {
        var model = VggSample.Write(_folder, VggArchitecture.Vgg13, ["block3_pool"]);
        var images = VggSample.Images(model, Images);
        using var tail = Vgg.FromModel(model, CPU, after: "block1_pool");
        using var prefix = Vgg.FromModel(model, CPU, to: "block1_pool");
        using var scope = NewDisposeScope();
        using (no_grad())
        {
            foreach (var parameter in tail.Parameters)
                parameter.Value.add_(0.1 * parameter.Value.roll(1, 0));
        }

        var tuned = model.Proto.Clone();
        foreach (var stored in tail.ToNamedTensors())
        {
            var at = tuned.Graph.Initializer.ToList().FindIndex(t => t.Name == stored.Name);
            tuned.Graph.Initializer[at] = OnnxTensor.FromFloats(stored.Name, stored.Values, stored.Shape);
        }

        var found = Values(tail.Forward(prefix.Forward(tensor(images, [Images, 3, VggSample.Size, VggSample.Size]))));
        Assert.InRange(OnnxRuntimeReference.RelativeDistance(found, OnnxRuntimeReference.Run(tuned, images, VggSample.Size)["block3_pool"]), 0, Tolerance);
        Assert.InRange(OnnxRuntimeReference.RelativeDistance(found, OnnxRuntimeReference.Run(model.Proto, images, VggSample.Size)["block3_pool"]), 0.01, 10);
    }

    [Fact]
    public void Stored_weights_of_other_blocks_are_refused_and_nothing_changes()
    {
        var model = VggSample.Write(_folder, VggArchitecture.Vgg13, ["block2_pool"]);
        using var whole = Vgg.FromModel(model, CPU);
        using var tail = Vgg.FromModel(model, CPU, after: "block1_pool");
        var stored = whole.ToNamedTensors().ToDictionary(t => t.Name, t => t with { Values = [.. t.Values.Select(v => v + 1)] });
        var before = tail.ToNamedTensors();

        Assert.Contains("run.safetensors doesn't hold the weights of vgg13 from block1_pool to block2_pool: it has a tensor 'block1_conv1.weight' that is not one of them",
            Assert.Throws<CommandException>(() => tail.Load(stored, "run.safetensors")).Message, StringComparison.Ordinal);
        foreach (var name in stored.Keys.Where(n => n.StartsWith("block1", StringComparison.Ordinal)).ToList())
            stored.Remove(name);
        var transposed = new Dictionary<string, NamedTensor>(stored) { ["block2_conv1.weight"] = stored["block2_conv1.weight"] with { Shape = [64, 128, 3, 3] } };
        Assert.Contains("has 'block2_conv1.weight' as [64, 128, 3, 3] instead of [128, 64, 3, 3]",
            Assert.Throws<CommandException>(() => tail.Load(transposed, "run.safetensors")).Message, StringComparison.Ordinal);
        Assert.Equal(before.SelectMany(t => t.Values), tail.ToNamedTensors().SelectMany(t => t.Values));

        tail.Load(stored, "run.safetensors");
        Assert.Equal(stored.Values.SelectMany(t => t.Values), tail.ToNamedTensors().SelectMany(t => t.Values));
    }

    [Fact]
    public void What_is_no_VGG_is_refused_by_name()
    {
        var whole = VggSample.Write(_folder, VggArchitecture.Vgg11, ["block1_pool"]);

        var other = VggSample.Save(_folder, whole.Proto, whole.Contract with { Architecture = "onnx" });
        Assert.Contains("is not a VGG (its architecture is 'onnx')", Refused(other), StringComparison.Ordinal);

        var renamed = whole.Proto.Clone();
        renamed.Graph.Initializer[0].Name = "features.0.weight";
        Assert.Contains("has no initialiser 'block1_conv1.weight', which a vgg11 needs", Refused(VggSample.Save(_folder, renamed, whole.Contract)), StringComparison.Ordinal);

        var turned = whole.Proto.Clone();
        turned.Graph.Initializer[0] = OnnxTensor.FromFloats("block1_conv1.weight", new float[3 * 64 * 9], 3, 64, 3, 3);
        Assert.Contains("'block1_conv1.weight' is [3, 64, 3, 3], and a vgg11 has [64, 3, 3, 3] there", Refused(VggSample.Save(_folder, turned, whole.Contract)), StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_is_left_behind()
    {
        var model = VggSample.Write(_folder, VggArchitecture.Vgg11, ["block3_pool"]);
        var before = DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;
        using (var vgg = Vgg.FromModel(model, CPU))
        {
            using var images = zeros(1, 3, VggSample.Size, VggSample.Size);
            vgg.Forward(images).Dispose();
            Assert.Equal(before + 1 + vgg.Parameters.Count, DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount);
            vgg.Load(vgg.ToNamedTensors().ToDictionary(t => t.Name), "itself");
            Assert.Equal(before + 1 + vgg.Parameters.Count, DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount);
        }

        Assert.Equal(before, DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount);
    }

    private static string Refused(ModelFile model, string? after = null, string? to = null) =>
        Assert.Throws<CommandException>(() => Vgg.FromModel(model, CPU, after, to)).Message;

    private static float[] Values(Tensor tensor)
    {
        using var rows = tensor.detach().contiguous();
        return rows.data<float>().ToArray();
    }
}
