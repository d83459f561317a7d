using Headstart.Models;
using Headstart.Models.Onnx;
using Headstart.Preprocessing;

namespace Headstart.Tests.FineTuning;

/// <summary>VGG model files with seeded weights.</summary>
internal static class VggSample
{
    public const int Size = 32;

    /// <summary>Writes a model file and reads it back.</summary>
    /// <param name="folder">Where to.</param>
    /// <param name="architecture">Such as vgg16.</param>
    /// <param name="layers">The named layers; all, convolutions too, when empty.</param>
    /// <param name="weights">Seeded ones when null.</param>
    public static ModelFile Write(
        TemporaryFolder folder, VggArchitecture architecture, IReadOnlyCollection<string>? layers = null, int size = Size,
        Func<VggConvolution, ConvolutionWeights>? weights = null)
    {
        var (proto, named) = VggGraph.Build(architecture, layers ?? architecture.LayerNames, size, weights ?? Seeded);
        return Save(folder, proto, new ModelContract
        {
            Name = architecture.Name,
            Architecture = architecture.Name,
            Preprocessing = Presets.Keras with { Preset = "custom", Size = size },
            Layers = named,
            Weights = new WeightsSource("seeded", new string('0', 64)),
        });
    }

    public static ModelFile Save(TemporaryFolder folder, ModelProto proto, ModelContract contract)
    {
        var path = folder.File("vgg.onnx");
        ModelFile.Save(proto, contract, path);
        return ModelFile.Load(path);
    }

    /// <summary>
    /// Uniform kernels with the variance that keeps activations alike from layer to layer (He and others 2015), and small biases.
    /// </summary>
    public static ConvolutionWeights Seeded(VggConvolution convolution)
    {
        var random = new SeededRandom(7, convolution.Name);
        var limit = Math.Sqrt(6.0 / (9 * convolution.InChannels));
        return new ConvolutionWeights(
            Uniform(convolution.OutChannels * convolution.InChannels * 9, limit), Uniform(convolution.OutChannels, 0.1));

        float[] Uniform(int count, double limit)
        {
            var values = new float[count];
            for (var i = 0; i < count; i++)
                values[i] = (float)(((random.NextBits() >> 11) * (2.0 / (1UL << 53))) - 1) * (float)limit;
            return values;
        }
    }

    /// <summary>Different images, prepared as the model wants them, [n, 3, size, size].</summary>
    public static float[] Images(ModelFile model, int count) =>
        [.. Enumerable.Range(0, count).SelectMany(seed => SyntheticInput.Create(model.Contract.Preprocessing, seed))];
}
