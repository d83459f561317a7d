using Headstart.Models;
using Headstart.Safetensors;

namespace Headstart.Extraction.Import;

/// <summary>
/// Reads a VGG's convolutions from a safetensors file under torchvision's or timm's names; the classifier is never touched.
/// </summary>
internal sealed class SafetensorsVgg(string path, SafetensorsFile file, VggTensorNames names, VggArchitecture architecture)
{
    // torch.nn.BatchNorm2d's default, which torchvision and timm keep.
    private const double TorchEpsilon = 1e-5;

    /// <exception cref="CommandException">A tensor is missing or has another shape; the message names layer, tensor and file.</exception>
    public ConvolutionWeights Read(VggConvolution convolution)
    {
        var tensor = names.Convolution(architecture, convolution);
        var kernel = Tensor(convolution, $"{tensor}.weight", convolution.OutChannels, convolution.InChannels, 3, 3);
        if (!names.BatchNorm)
            return new ConvolutionWeights(kernel, Tensor(convolution, $"{tensor}.bias", convolution.OutChannels));

        var bias = file.Tensors.ContainsKey($"{tensor}.bias")
            ? Tensor(convolution, $"{tensor}.bias", convolution.OutChannels)
            : new float[convolution.OutChannels];
        var norm = names.Norm(architecture, convolution);
        return BatchNorm.Fold(
            new ConvolutionWeights(kernel, bias),
            Tensor(convolution, $"{norm}.weight", convolution.OutChannels),
            Tensor(convolution, $"{norm}.bias", convolution.OutChannels),
            Tensor(convolution, $"{norm}.running_mean", convolution.OutChannels),
            Tensor(convolution, $"{norm}.running_var", convolution.OutChannels),
            TorchEpsilon);
    }

    private float[] Tensor(VggConvolution convolution, string name, params ReadOnlySpan<long> shape)
    {
        if (!file.Tensors.TryGetValue(name, out var entry))
            throw VggWeights.Missing(path, architecture, convolution, name);
        if (!entry.Shape.SequenceEqual(shape.ToArray()))
            throw VggWeights.WrongShape(path, architecture, convolution, name, shape, entry.Shape);
        return file.ReadFloats(name);
    }
}
