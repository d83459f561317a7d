using Headstart.Models;
using Headstart.Preprocessing;

namespace Headstart.Tests.Pipeline;

/// <summary>A VGG-shaped network of two small blocks with seeded weights, as a model file.</summary>
internal static class TinyNetwork
{
    private static readonly VggArchitecture Architecture = new("tiny", [(1, 4), (1, 6)]);

    public static ModelFile Write(string path, int seed = 1, int size = 32)
    {
        var random = new Random(seed);
        var (proto, layers) = VggGraph.Build(Architecture, Architecture.PoolNames, size, c => new ConvolutionWeights(
            [.. Enumerable.Range(0, c.OutChannels * c.InChannels * 9).Select(_ => (float)(random.NextDouble() - 0.5))],
            [.. Enumerable.Range(0, c.OutChannels).Select(_ => (float)(random.NextDouble() - 0.5))]));
        var contract = new ModelContract
        {
            Name = Architecture.Name,
            Architecture = "onnx",
            Preprocessing = Presets.Mobilenet with { Size = size },
            Layers = layers,
            Weights = new WeightsSource("seed", new string('0', 64), "seeded, not pretrained"),
        };
        ModelFile.Save(proto, contract, path);
        return ModelFile.Load(path);
    }
}
