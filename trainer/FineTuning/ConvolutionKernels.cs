using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Headstart.Trainer.FineTuning;

/// <summary>How the window of a convolution goes; rows before columns in each pair.</summary>
internal sealed record ConvolutionWindow(long[] Strides, long[] Padding, long[] Dilations, long Groups);

/// <summary>Computes a convolution: [n, c, h, w] with a kernel [out, c / groups, height, width] and a bias or none. The result is the
/// caller's.</summary>
internal delegate Tensor Convolve(Tensor input, Tensor kernel, Tensor? bias, ConvolutionWindow window);

/// <summary>
/// Two ways to compute convolutions that have no code in common, so that one can be held to the other and stand in for it.
/// </summary>
/// <param name="Fast">What is used.</param>
/// <param name="Plain">What is used where the first is wrong.</param>
/// <remarks>
/// libtorch's convolutions on a CPU are oneDNN's. There its 1x1 convolutions in channels-last format have been wrong by 8-18% on a
/// processor with AVX-512, or have ended the process: the latter can't be tried and then avoided. So those are never asked for here. A 1x1
/// convolution over channels-last pixels is a matrix product, and computed as one.
/// </remarks>
internal sealed record ConvolutionKernels(Convolve Fast, Convolve Plain)
{
    public static ConvolutionKernels Default { get; } = new(
        (input, kernel, bias, window) => input.device_type == DeviceType.CPU && IsPointwise(kernel, window)
            ? Pointwise(input, kernel, bias, window.Strides)
            : functional.conv2d(input, kernel, bias, window.Strides, window.Padding, window.Dilations, window.Groups),
        Columns);

    /// <summary>Whether each output pixel is computed from one input pixel, and from all of its channels.</summary>
    public static bool IsPointwise(Tensor kernel, ConvolutionWindow window) =>
        window.Groups == 1 && kernel.shape[2] == 1 && kernel.shape[3] == 1 && window.Padding.All(p => p == 0);

    // A matrix of pixels by channels; only a stride copies anything, as pixels lie side by side already.
    private static Tensor Pointwise(Tensor input, Tensor kernel, Tensor? bias, long[] strides)
    {
        var seen = strides.All(s => s == 1) ? input : input.slice(2, 0, input.shape[2], strides[0]).slice(3, 0, input.shape[3], strides[1]);
        var pixels = seen.permute(0, 2, 3, 1);
        var (n, h, w) = (pixels.shape[0], pixels.shape[1], pixels.shape[2]);
        var products = functional.linear(pixels.reshape(-1, pixels.shape[3]), kernel.flatten(1), bias);
        return products.view(n, h, w, kernel.shape[0]).permute(0, 3, 1, 2);
    }

    // Every window written out as a column, and one matrix product in float32: slower, and as many times the memory as a window has values.
    private static Tensor Columns(Tensor input, Tensor kernel, Tensor? bias, ConvolutionWindow window)
    {
        var (n, channels, rows, columns) = (input.shape[0], kernel.shape[0], Length(0), Length(1));
        var windows = functional.unfold(
            input.to(ScalarType.Float32),
            (kernel.shape[2], kernel.shape[3]),
            Pair(window.Dilations),
            Pair(window.Padding),
            Pair(window.Strides));
        var matrix = kernel.to(ScalarType.Float32).reshape(1, window.Groups, channels / window.Groups, -1);
        var sums = matrix.matmul(windows.view(n, window.Groups, matrix.shape[3], rows * columns)).view(n, channels, rows, columns);
        var output = bias is null ? sums : sums + bias.to(ScalarType.Float32).view(1, -1, 1, 1);
        return ChannelsLast.Of(output.to(input.dtype));

        long Length(int axis)
        {
            var reach = (window.Dilations[axis] * (kernel.shape[axis + 2] - 1)) + 1;
            return ((input.shape[axis + 2] + (2 * window.Padding[axis]) - reach) / window.Strides[axis]) + 1;
        }

        static (long, long) Pair(long[] values) => (values[0], values[1]);
    }
}
