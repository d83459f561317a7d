using Headstart.Trainer.FineTuning;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Headstart.Tests.FineTuning;

/// <summary>Both ways to convolve, beside libtorch's own in float64 and contiguous tensors, which oneDNN has no part in.</summary>
public sealed class ConvolutionKernelsTests
{
    // The first seven 1x1 were wrong, or ended the process, on a processor with AVX-512 as libtorch's channels-last convolutions.
    [Theory]
    [InlineData(256, 512, 14, 1, 2, 1, 1)]
    [InlineData(320, 1280, 7, 1, 1, 1, 1)]
    [InlineData(960, 320, 7, 1, 1, 1, 1)]
    [InlineData(1024, 1024, 7, 1, 1, 1, 1)]
    [InlineData(2048, 512, 7, 1, 1, 1, 1)]
    [InlineData(512, 1024, 14, 1, 2, 1, 1)]
    [InlineData(256, 1024, 14, 1, 1, 1, 1)]
    [InlineData(3, 8, 9, 1, 1, 1, 1)]
    [InlineData(17, 33, 13, 1, 3, 1, 1)]
    [InlineData(32, 32, 11, 1, 1, 4, 1)]
    [InlineData(3, 16, 15, 3, 1, 1, 1)]
    [InlineData(64, 64, 14, 3, 1, 1, 1)]
    [InlineData(64, 128, 14, 3, 2, 1, 1)]
    [InlineData(96, 96, 14, 3, 1, 96, 1)]
    [InlineData(144, 144, 15, 3, 2, 144, 1)]
    [InlineData(64, 64, 14, 3, 1, 8, 1)]
    [InlineData(24, 40, 14, 3, 1, 1, 2)]
    [InlineData(3, 16, 20, 7, 2, 1, 1)]
    public void Values_and_gradients_are_those_of_float64(
        int channels, int outputs, int size, int kernel, int stride, int groups, int dilation)
    {
        Compare(ScalarType.Float32, 1e-5, channels, outputs, size, kernel, stride, groups, dilation);
        try
        {
            ComputePrecision.Bfloat16.RequireFast(CPU);
        }
        catch (CommandException)
        {
            return; // No run on this processor computes in bfloat16.
        }

        Compare(ScalarType.BFloat16, 1e-2, channels, outputs, size, kernel, stride, groups, dilation);
    }

    private static void Compare(
        ScalarType type, double tolerance, int channels, int outputs, int size, int kernel, int stride, int groups, int dilation)
    {
        using var scope = NewDisposeScope();
        var chance = new Generator(7);
        long padding = dilation * (kernel / 2);
        var window = new ConvolutionWindow([stride, stride], [padding, padding], [dilation, dilation], groups);
        var input = ChannelsLast.Of(randn([2, channels, size, size], generator: chance)).to(type);
        var weight = ChannelsLast.Of(randn(
            [outputs, channels / groups, kernel, kernel], generator: chance) / Math.Sqrt(channels / groups * kernel * kernel)).to(type);
        var bias = randn([outputs], generator: chance).to(type);
        var expected = Run(
            (x, k, b, w) => functional.conv2d(x.contiguous(), k.contiguous(), b, w.Strides, w.Padding, w.Dilations, w.Groups),
            ScalarType.Float64);
        foreach (var (name, way) in new[] { ("fast", ConvolutionKernels.Default.Fast), ("plain", ConvolutionKernels.Default.Plain) })
        {
            foreach (var (found, exact) in Run(way, type).Zip(expected))
            {
                var distance = RelativeDistance.Of(found, exact);
                Assert.True(distance <= tolerance, $"{name} {type}: {distance:g3}");
            }
        }

        Tensor[] Run(Convolve way, ScalarType in_)
        {
            Tensor[] leaves = [.. new[] { input, weight, bias }.Select(t => t.to(in_).detach().requires_grad_(true))];
            var output = way(leaves[0], leaves[1], leaves[2], window);
            output.backward([ChannelsLast.Of(linspace(-1, 1, output.numel()).view(output.shape)).to(in_)]);
            return [output.detach(), .. leaves.Select(l => l.grad!)];
        }
    }
}
