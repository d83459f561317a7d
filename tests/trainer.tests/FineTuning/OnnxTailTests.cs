using Headstart.Models;
using Headstart.Safetensors;
using Headstart.Trainer.FineTuning;
using Headstart.Trainer.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Headstart.Tests.FineTuning;

public sealed class OnnxTailTests : IDisposable
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
            using var step = OnnxTail.FromModel(model, CPU, previous, layer.Name);
            features = step.Forward(features);
            Assert.Equal([Images, layer.Shape.Channels, layer.Shape.Height, layer.Shape.Width], features.shape);
            var distance = OnnxRuntimeReference.RelativeDistance(Values(features), reference[layer.Name]);
            Assert.True(distance <= Tolerance, $"{layer.Name}: {distance:g3}");
            previous = layer.Name;
        }

        Assert.Equal(architecture.LayerNames, reference.Keys);
        using var whole = OnnxTail.FromModel(model, CPU, null, previous!);
        Assert.Equal(Values(features), Values(whole.Forward(tensor(images, [Images, 3, VggSample.Size, VggSample.Size]))));
    }

    [Fact]
    public void Parameters_are_the_initialisers_by_name_shape_and_value()
    {
        var model = VggSample.Write(_folder, VggArchitecture.Vgg11, ["block2_pool"]);
        using var vgg = OnnxTail.FromModel(model, CPU, null, "block2_pool");

        Assert.Equal((null, "block2_pool"), (vgg.After, vgg.To));
        Assert.Equal([1, 1, 2, 2], vgg.Parameters.Select(p => p.Block));
        Assert.Equal(
            model.Proto.Graph.Initializer.Select(t => (t.Name, string.Join(',', t.Dims))),
            Stored(vgg).Select(t => (t.Name, string.Join(',', t.Shape))));
        Assert.All(Stored(vgg).Zip(model.Proto.Graph.Initializer), p => Assert.Equal(OnnxTensor.ToFloats(p.Second), p.First.Values));
    }

    [Fact]
    public void A_tail_on_the_extractors_features_agrees_with_the_whole_network()
    {
        var model = VggSample.Write(_folder, VggArchitecture.Vgg16, VggArchitecture.Vgg16.PoolNames);
        var reference = OnnxRuntimeReference.Run(model.Proto, VggSample.Images(model, Images), VggSample.Size);
        using var tail = OnnxTail.FromModel(model, CPU, "block3_pool", "block5_pool");
        using var scope = NewDisposeScope();

        var found = Values(tail.Forward(tensor(reference["block3_pool"], [Images, 256, 4, 4])));

        Assert.Equal([4, 5], tail.Parameters.Select(p => p.Block).Distinct());
        Assert.Equal("block4_conv1.weight", tail.Parameters[0].Name);
        Assert.InRange(OnnxRuntimeReference.RelativeDistance(found, reference["block5_pool"]), 0, Tolerance);
    }

    [Fact]
    public void A_model_cut_at_block3_pool_works_and_has_nothing_deeper()
    {
        var model = VggSample.Write(_folder, VggArchitecture.Vgg16, ["block3_pool"]);
        var images = VggSample.Images(model, Images);
        using var vgg = OnnxTail.FromModel(model, CPU, null, "block3_pool");
        using var scope = NewDisposeScope();

        var found = Values(vgg.Forward(tensor(images, [Images, 3, VggSample.Size, VggSample.Size])));

        Assert.InRange(
            OnnxRuntimeReference.RelativeDistance(found, OnnxRuntimeReference.Run(model.Proto, images, VggSample.Size)["block3_pool"]), 0,
            Tolerance);
        Assert.Contains("computes no tensor 'block5_pool'", Refused(model, null, "block5_pool"), StringComparison.Ordinal);
        Assert.Contains(
            "Nothing lies between block3_pool and block3_pool", Refused(model, "block3_pool", "block3_pool"), StringComparison.Ordinal);
        Assert.Contains("computes no tensor 'block3_poool'. The nearest names: block3_pool", Refused(model, "block3_poool", "block3_pool"),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Only_unfrozen_blocks_get_gradients()
    {
        var model = VggSample.Write(_folder, VggArchitecture.Vgg13, ["block3_pool"]);
        using var vgg = OnnxTail.FromModel(model, CPU, null, "block3_pool");
        using var scope = NewDisposeScope();
        var images = tensor(VggSample.Images(model, 1), [1, 3, VggSample.Size, VggSample.Size]);
        Assert.False(vgg.Forward(images).requires_grad);
        Assert.Empty(vgg.Trained);

        vgg.Unfreeze("block1_pool");
        vgg.Forward(images).sum().backward();

        Assert.Equal(
            ["block2_conv1", "block2_conv2", "block3_conv1", "block3_conv2"], vgg.Trained.Select(p => p.Name.Split('.')[0]).Distinct());
        foreach (var parameter in vgg.Parameters)
            Assert.Equal(parameter.Block >= 2, parameter.Value.grad is { } gradient && gradient.abs().sum().item<float>() > 0);

        vgg.Unfreeze("block2_pool");
        Assert.All(vgg.Trained, p => Assert.Equal(3, p.Block));
        vgg.Unfreeze("block3_conv1");
        Assert.Equal(["block3_conv2.weight", "block3_conv2.bias"], vgg.Trained.Select(p => p.Name));
        vgg.Unfreeze(null);
        Assert.Equal(vgg.Parameters.Count, vgg.Trained.Count);
    }

    /// <summary>Why tuning from a cache is exact: nothing below the unfrozen block changes.</summary>
    [Fact]
    public void Gradients_from_cached_features_equal_those_from_the_image()
    {
        var model = VggSample.Write(_folder, VggArchitecture.Vgg11, ["block2_pool", "block3_pool"]);
        using var whole = OnnxTail.FromModel(model, CPU, null, "block3_pool");
        using var prefix = OnnxTail.FromModel(model, CPU, null, "block2_pool");
        using var tail = OnnxTail.FromModel(model, CPU, "block2_pool", "block3_pool");
        using var scope = NewDisposeScope();
        var images = tensor(VggSample.Images(model, Images), [Images, 3, VggSample.Size, VggSample.Size]);
        var cached = prefix.Forward(images).contiguous();
        whole.Unfreeze("block2_pool");
        tail.Unfreeze(null);

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
        using var vgg = OnnxTail.FromModel(model, CPU, null, "block2_pool");
        using var scope = NewDisposeScope();
        var images = tensor(VggSample.Images(model, 1), [1, 3, VggSample.Size, VggSample.Size]) / 100;
        vgg.Unfreeze(null);
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
            var before = Stored(vgg);
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
        var model = VggSample.Write(_folder, VggArchitecture.Vgg13, ["block1_pool", "block3_pool"]);
        var images = VggSample.Images(model, Images);
        using var tail = OnnxTail.FromModel(model, CPU, "block1_pool", "block3_pool");
        using var prefix = OnnxTail.FromModel(model, CPU, null, "block1_pool");
        using var scope = NewDisposeScope();
        using (no_grad())
        {
            foreach (var parameter in tail.Parameters)
                parameter.Value.add_(0.1 * parameter.Value.roll(1, 0));
        }

        var tuned = model.Proto.Clone();
        foreach (var stored in Stored(tail))
        {
            var at = tuned.Graph.Initializer.ToList().FindIndex(t => t.Name == stored.Name);
            tuned.Graph.Initializer[at] = OnnxTensor.FromFloats(stored.Name, stored.Values, stored.Shape);
        }

        var found = Values(tail.Forward(prefix.Forward(tensor(images, [Images, 3, VggSample.Size, VggSample.Size]))));
        Assert.InRange(OnnxRuntimeReference.RelativeDistance(found, OnnxRuntimeReference.Run(tuned, images, VggSample.Size)["block3_pool"]),
            0, Tolerance);
        Assert.InRange(
            OnnxRuntimeReference.RelativeDistance(found, OnnxRuntimeReference.Run(model.Proto, images, VggSample.Size)["block3_pool"]),
            0.01, 10);
    }

    [Fact]
    public void Stored_weights_of_other_blocks_are_refused_and_nothing_changes()
    {
        var model = VggSample.Write(_folder, VggArchitecture.Vgg13, ["block1_pool", "block2_pool"]);
        using var whole = OnnxTail.FromModel(model, CPU, null, "block2_pool");
        using var tail = OnnxTail.FromModel(model, CPU, "block1_pool", "block2_pool");
        var stored = Stored(whole).Select(t => t with { Values = [.. t.Values.Select(v => v + 1)] }).ToList();
        var before = Stored(tail);

        Assert.Contains("base.safetensors has a tensor 'block1_conv1.weight', which is no weight of ",
            Assert.Throws<CommandException>(() => tail.Load(stored, "base.safetensors")).Message, StringComparison.Ordinal);
        stored.RemoveAll(t => t.Name.StartsWith("block1", StringComparison.Ordinal));
        var transposed = stored.Select(t => t.Name == "block2_conv2.bias" ? t with { Shape = [64, 2] } : t).ToList();
        Assert.Contains("has 'block2_conv2.bias' as [64, 2] instead of [128]",
            Assert.Throws<CommandException>(() => tail.Load(transposed, "base.safetensors")).Message, StringComparison.Ordinal);
        Assert.Equal(before.SelectMany(t => t.Values), Stored(tail).SelectMany(t => t.Values));

        tail.Load(stored, "base.safetensors");
        Assert.Equal(stored.SelectMany(t => t.Values), Stored(tail).SelectMany(t => t.Values));
        tail.Load([before[0]], "base.safetensors");
        Assert.Equal(before[0].Values, Stored(tail)[0].Values);
        Assert.Equal(stored[1].Values, Stored(tail)[1].Values);
    }

    [Fact]
    public void Nothing_is_left_behind()
    {
        var model = VggSample.Write(_folder, VggArchitecture.Vgg11, ["block3_pool"]);
        var before = DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;
        using (var vgg = OnnxTail.FromModel(model, CPU, null, "block3_pool"))
        {
            using var images = zeros(1, 3, VggSample.Size, VggSample.Size);
            vgg.Forward(images).Dispose();
            Assert.Equal(before + 1 + vgg.Parameters.Count, DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount);
            vgg.Load(Stored(vgg), "itself");
            Assert.Equal(before + 1 + vgg.Parameters.Count, DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount);
        }

        Assert.Equal(before, DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount);
    }

    private static string Refused(ModelFile model, string? after, string to) =>
        Assert.Throws<CommandException>(() => OnnxTail.FromModel(model, CPU, after, to)).Message;

    private static List<NamedTensor> Stored(OnnxTail tail) => [.. tail.Parameters.Select(p => p.Value.ToNamed(p.Name))];

    private static float[] Values(Tensor tensor)
    {
        using var rows = tensor.detach().contiguous();
        return rows.data<float>().ToArray();
    }
}
