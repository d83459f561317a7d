using Headstart.Models;
using Headstart.Trainer.FineTuning;
using static TorchSharp.torch;

namespace Headstart.Tests.FineTuning;

public sealed class TailCheckTests : IDisposable
{
    private const int Images = 3;

    private readonly TemporaryFolder _folder = new();
    private readonly ModelFile _model;
    private readonly float[] _images;

    public TailCheckTests()
    {
        _model = VggSample.Write(_folder, VggArchitecture.Vgg11, ["block1_pool", "block2_pool", "block3_pool"]);
        _images = VggSample.Images(_model, Images);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_sound_network_passes_and_keeps_its_ways_tuned_weights_among_them()
    {
        using var tail = Tail(null);
        tail.Unfreeze(null);
        using var scope = NewDisposeScope();

        Assert.Empty(TailCheck.Run(tail, Input()));

        using (no_grad())
            tail.Parameters.Single(p => p.Name == "block2_conv1.weight").Value.mul_(1.5);
        Assert.Empty(TailCheck.Run(tail, Input()));
    }

    [Fact]
    public void Bfloat16_passes_within_its_own_bound()
    {
        try
        {
            ComputePrecision.Bfloat16.RequireFast(CPU);
        }
        catch (CommandException e)
        {
            Assert.Skip(e.Message);
        }

        using var tail = Tail(null, ComputePrecision.Bfloat16);
        tail.Unfreeze(null);
        using var scope = NewDisposeScope();
        Assert.Empty(TailCheck.Run(tail, Input()));
    }

    [Fact]
    public void A_convolution_that_is_wrong_is_computed_in_the_other_way()
    {
        using var right = Tail(null);
        using var tail = Tail(BrokenConvolutions.Fast(128, 256));
        using var scope = NewDisposeScope();
        var expected = right.Forward(Input());
        Assert.InRange(RelativeDistance.Of(tail.Forward(Input()), expected), 1e-2, 1);

        var note = Assert.Single(TailCheck.Run(tail, Input()));

        // Block 2 has one convolution to 128 channels, block 3 two to 256.
        Assert.StartsWith(
            "libtorch's own way to compute 3 of the convolutions is wrong here, block2_conv1.weight (3x3, 64 to 128 channels) the first",
            note, StringComparison.Ordinal);
        Assert.InRange(RelativeDistance.Of(tail.Forward(Input()), expected), 0, 1e-5);
        Assert.Empty(TailCheck.Run(tail, Input()));
    }

    [Fact]
    public void Wrong_gradients_are_found_where_they_will_be_used()
    {
        using var tail = Tail(BrokenConvolutions.Gradients(128));
        using var scope = NewDisposeScope();

        tail.Unfreeze("block2_pool");
        Assert.Empty(TailCheck.Run(tail, Input())); // the wrong one is frozen, and nothing before it is tuned
        tail.Unfreeze("block1_pool");
        Assert.Contains("block2_conv1.weight", Assert.Single(TailCheck.Run(tail, Input())), StringComparison.Ordinal);

        tail.Forward(Input()).square().sum().backward();
        using var right = Tail(null);
        right.Unfreeze("block1_pool");
        right.Forward(Input()).square().sum().backward();
        Assert.All(
            tail.Trained.Zip(right.Trained), p => Assert.InRange(RelativeDistance.Of(p.First.Value.grad!, p.Second.Value.grad!), 0, 1e-4));
    }

    [Fact]
    public void What_no_way_computes_rightly_is_named_and_nothing_goes_on()
    {
        using var tail = Tail(BrokenConvolutions.Both(256));
        using var scope = NewDisposeScope();

        var error = Assert.Throws<CommandException>(() => TailCheck.Run(tail, Input()));

        Assert.Contains("'block3_conv1_linear' (Conv) differs from ONNX Runtime by ", error.Message, StringComparison.Ordinal);
        Assert.Contains("0.0001 is allowed; everything before it agrees", error.Message, StringComparison.Ordinal);
        Assert.Contains("ONEDNN_MAX_CPU_ISA=AVX2", error.Message, StringComparison.Ordinal);
    }

    private Tensor Input() => tensor(_images, [Images, 3, VggSample.Size, VggSample.Size]);

    private OnnxTail Tail(ConvolutionKernels? kernels, ComputePrecision precision = ComputePrecision.Float32) =>
        OnnxTail.FromModel(_model, CPU, null, "block3_pool", precision, kernels);
}
