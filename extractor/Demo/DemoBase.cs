using System.Security.Cryptography;
using Headstart.Extraction.Import;
using Headstart.Models;
using Headstart.Preprocessing;

namespace Headstart.Extraction.Demo;

/// <summary>The small network in <c>onnx/demo-base.onnx</c>: shaped like a VGG, with seeded random weights.</summary>
/// <remarks>
/// Random convolutions are a usable base for figures as simple as the demo pictures, and for nothing harder. The weights are drawn as He et al.
/// do for ReLU networks (variance 2 / fan-in, https://arxiv.org/abs/1502.01852). Each kernel of the first layer has its mean taken away, a colour
/// channel at a time, so that it answers to edges and not to flat colour, which the demo pictures make meaningless.
/// </remarks>
internal static class DemoBase
{
    public const int Size = 64;

    /// <summary>Shown wherever a figure that comes from this base is shown.</summary>
    public const string Note = "Seeded random weights, not pretrained: good for trying the commands on demo pictures, useless for judging real ones.";

    private const int Seed = 1;

    private static readonly VggArchitecture Shape = new("demo-base", [(1, 8), (1, 16), (1, 32), (1, 64)]);

    /// <summary>Writes the same bytes on every machine.</summary>
    /// <param name="path">Replaced if it is there.</param>
    public static void Write(string path)
    {
        using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var random = new SeededRandom(Seed);
        var (model, layers) = VggGraph.Build(Shape, Shape.PoolNames, Size, convolution =>
        {
            var kernel = DrawKernel(convolution, random);
            digest.AppendData(OnnxTensor.FromFloats("", kernel, kernel.Length).RawData.Span);
            return new ConvolutionWeights(kernel, new float[convolution.OutChannels]);
        });
        var contract = Contract(layers, Convert.ToHexStringLower(digest.GetHashAndReset()));
        ModelFile.Save(model, contract with { Fingerprint = ModelImport.Fingerprint(model, contract, path) }, path);
    }

    private static ModelContract Contract(IReadOnlyList<ModelLayer> layers, string sha256) => new()
    {
        Name = Shape.Name,
        Architecture = "onnx",
        Preprocessing = new ImagePreprocessing
        {
            Preset = "custom",
            Size = Size,
            Resize = ResizeMode.Stretch,
            Filter = ResizeFilter.BilinearAntialiased,
            Channels = ChannelOrder.Rgb,
            DivideBy = 255,
            Mean = [0.5f, 0.5f, 0.5f],
            Std = [0.25f, 0.25f, 0.25f],
        },
        Layers = layers,
        Weights = new WeightsSource($"kernels drawn with seed {Seed}", sha256, Note),
    };

    private static float[] DrawKernel(VggConvolution convolution, SeededRandom random)
    {
        const int Area = 9;
        var kernel = new double[convolution.OutChannels * convolution.InChannels * Area];
        var deviation = Math.Sqrt(2.0 / (convolution.InChannels * Area));
        for (var i = 0; i < kernel.Length; i++)
            kernel[i] = deviation * random.NearNormal();

        if (convolution is { Block: 1, Index: 1 })
        {
            for (var start = 0; start < kernel.Length; start += Area)
            {
                var mean = 0.0;
                for (var i = 0; i < Area; i++)
                    mean += kernel[start + i] / Area;
                for (var i = 0; i < Area; i++)
                    kernel[start + i] -= mean;
            }
        }

        return Array.ConvertAll(kernel, value => (float)value);
    }
}
