using Headstart.Trainer.FineTuning;
using static TorchSharp.torch;

namespace Headstart.Tests.FineTuning;

/// <summary>Convolutions that are wrong on purpose, as a processor's have been: those of some numbers of channels, by a tenth.</summary>
internal static class BrokenConvolutions
{
    private static readonly ConvolutionKernels Right = ConvolutionKernels.Default;

    /// <summary>libtorch's way alone is wrong.</summary>
    public static ConvolutionKernels Fast(params long[] outputs) => Right with { Fast = Wrong(Right.Fast, outputs) };

    /// <summary>No way is right.</summary>
    public static ConvolutionKernels Both(params long[] outputs) => new(Wrong(Right.Fast, outputs), Wrong(Right.Plain, outputs));

    /// <summary>What comes out is right; the gradients are half of what they should be.</summary>
    public static ConvolutionKernels Gradients(params long[] outputs) => Right with
    {
        Fast = (input, kernel, bias, window) =>
        {
            var output = Right.Fast(input, kernel, bias, window);
            if (!outputs.Contains(kernel.shape[0]))
                return output;
            var half = output * 0.5;
            return half + half.detach();
        },
    };

    private static Convolve Wrong(Convolve right, long[] outputs) => (input, kernel, bias, window) =>
    {
        var output = right(input, kernel, bias, window);
        return outputs.Contains(kernel.shape[0]) ? output * linspace(0.9, 1.1, output.shape[3]).to(output.dtype) : output;
    };
}
