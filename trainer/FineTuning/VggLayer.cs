using Headstart.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Headstart.Training.FineTuning;

/// <summary>One layer of a VGG under Keras' name: a 3x3 convolution with its ReLU, or the 2x2 max pooling that closes a block.</summary>
internal sealed class VggLayer : IDisposable
{
    // One pixel of zeros around the image, as the graph's pads say.
    private static readonly long[] Padding = [1, 1];

    private VggLayer(string name, int block, Parameter? weight, Parameter? bias)
    {
        Name = name;
        Block = block;
        Weight = weight;
        Bias = bias;
    }

    /// <summary>Such as <c>block3_conv1</c> or <c>block3_pool</c>.</summary>
    public string Name { get; }

    /// <summary>From 1.</summary>
    public int Block { get; }

    /// <summary>[out, in, 3, 3]; null for a pooling.</summary>
    public Parameter? Weight { get; }

    /// <summary>[out]; null for a pooling.</summary>
    public Parameter? Bias { get; }

    public static VggLayer Pool(int block) => new(VggArchitecture.PoolName(block), block, null, null);

    /// <summary>A frozen convolution.</summary>
    /// <param name="convolution">Its name and widths.</param>
    /// <param name="weights">As many values as the widths say.</param>
    /// <param name="device">Where it computes.</param>
    public static VggLayer Convolution(VggConvolution convolution, ConvolutionWeights weights, Device device)
    {
        using var scope = NewDisposeScope();
        var kernel = ChannelsLast.Of(tensor(weights.Kernel, [convolution.OutChannels, convolution.InChannels, 3, 3], device: device));
        var bias = tensor(weights.Bias, [convolution.OutChannels], device: device);
        return new VggLayer(convolution.Name, convolution.Block, Frozen(kernel), Frozen(bias));

        static Parameter Frozen(Tensor values)
        {
            var parameter = Parameter(values, requires_grad: false);
            parameter.DetachFromDisposeScope();
            return parameter;
        }
    }

    /// <summary>[n, in, h, w] to [n, out, h, w], or to [n, in, h/2, w/2] (rounded down) for a pooling. The result is the caller's.</summary>
    public Tensor Forward(Tensor input)
    {
        return Weight is null
            ? functional.max_pool2d(input, 2, 2)
            : functional.conv2d(input, Weight, Bias, padding: Padding).relu_(); // In place: what relu_ gives is the same tensor.
    }

    public void Dispose()
    {
        Weight?.Dispose();
        Bias?.Dispose();
    }
}
