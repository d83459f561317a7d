using static TorchSharp.torch;

namespace Headstart.Trainer.FineTuning;

/// <summary>A convolution of a rebuilt network.</summary>
/// <param name="kernel">[out, in / groups, height, width].</param>
/// <param name="bias">[out], or none.</param>
/// <param name="window">As the node says it.</param>
/// <param name="groups">Likewise.</param>
/// <param name="kernels">The ways to compute it.</param>
internal sealed class TailConvolution(
    OnnxTailWeights weights, TailParameter kernel, TailParameter? bias, OnnxWindow window, long groups, ConvolutionKernels kernels)
{
    private static readonly long[] Anything = [long.MaxValue, long.MaxValue];

    /// <summary>Whether <see cref="ConvolutionKernels.Plain"/> computes it.</summary>
    public bool IsPlain { get; set; }

    public string KernelName => kernel.Name;

    /// <summary>For people: <c>3x3, 256 to 512 channels, stride 2</c>.</summary>
    public string Shape
    {
        get
        {
            var shape = kernel.Value.shape;
            var stride = window.Strides.All(s => s == 1) ? "" : $", stride {window.Strides[0]}";
            return $"{shape[2]}x{shape[3]}, {shape[1] * groups} to {shape[0]} channels{stride}{(groups == 1 ? "" : $", {groups} groups")}";
        }
    }

    /// <summary>Whether its result is a view of a matrix, which is better not overwritten while gradients are wanted.</summary>
    public bool GivesView =>
        ConvolutionKernels.IsPointwise(kernel.Value, new ConvolutionWindow(window.Strides, [0, 0], window.Dilations, groups));

    public Tensor Compute(Tensor input) =>
        Compute(input, weights.Use(kernel), bias is null ? null : weights.Use(bias), IsPlain ? kernels.Plain : kernels.Fast);

    /// <summary>How far the gradients of the way that is used are from those of <see cref="ConvolutionKernels.Plain"/>.</summary>
    /// <param name="input">[n, c, h, w], in the format and type that it has in the network.</param>
    /// <returns>
    /// The larger of the two, to the input and to the kernel, relative to the gradient's length; 0 where it is plain already.
    /// </returns>
    public double GradientDistance(Tensor input)
    {
        if (IsPlain)
            return 0;
        using var scope = NewDisposeScope();
        var (expectedInput, expectedKernel) = Gradients(input, kernels.Plain);
        var (foundInput, foundKernel) = Gradients(input, kernels.Fast);
        return Math.Max(RelativeDistance.Of(foundInput, expectedInput), RelativeDistance.Of(foundKernel, expectedKernel));
    }

    // Of half the sum of the squares that the plain way gives: no gradient is 0 then for a reason other than its input.
    private (Tensor Input, Tensor Kernel) Gradients(Tensor input, Convolve convolve)
    {
        var (at, of) = (input.detach().requires_grad_(true), weights.Use(kernel).detach().requires_grad_(true));
        using var frozen = bias is null ? null : weights.Use(bias).detach();
        Tensor cotangent;
        using (no_grad())
            cotangent = Compute(at, of, frozen, kernels.Plain).detach();
        using var gradients = enable_grad();
        Compute(at, of, frozen, convolve).backward([cotangent]);
        return (at.grad!, of.grad!);
    }

    private Tensor Compute(Tensor input, Tensor kernel, Tensor? bias, Convolve convolve)
    {
        var (padded, padding) = window.Pad(input, 0, Anything);
        return convolve(padded, kernel, bias, new ConvolutionWindow(window.Strides, padding, window.Dilations, groups));
    }
}
