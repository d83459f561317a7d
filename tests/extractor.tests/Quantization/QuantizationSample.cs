using Headstart.Extraction.Import;
using Headstart.Extraction.Quantization;
using Headstart.Images;
using Headstart.Models;
using Headstart.Models.Onnx;
using Headstart.Preprocessing;

namespace Headstart.Tests.Quantization;

/// <summary>A few smooth pictures and a small network in a folder of their own.</summary>
internal sealed class QuantizationSample : IDisposable
{
    private const int Side = 32;

    public QuantizationSample(int pictures = 16)
    {
        for (var i = 0; i < pictures; i++)
            WritePicture($"{i:D2}.jpg", i);
    }

    public static ImagePreprocessing Preprocessing { get; } = Presets.Mobilenet with { Size = Side };

    public TemporaryFolder Folder { get; } = new();

    public ImageSet Images => ImageSet.Open(Folder.File("pictures"));

    public void Dispose() => Folder.Dispose();

    /// <summary>Saves a graph with one input [N, 3, 32, 32] as a model file; every output is a layer.</summary>
    public ModelFile Save(ModelProto proto, string name = "float.onnx")
    {
        using var probe = GraphProbe.Open(proto, name);
        var shapes = probe.Run([SyntheticInput.Create(Preprocessing, 0)], Side);
        var contract = new ModelContract
        {
            Name = "sample",
            Architecture = "onnx",
            Preprocessing = Preprocessing,
            Layers = [.. proto.Graph.Output.Select(o => new ModelLayer(o.Name,
                shapes[o.Name].Shape is [_, var c, var h, var w] ? new((int)c, (int)h, (int)w) : new((int)shapes[o.Name].Shape[1], 1, 1)))],
            Weights = new WeightsSource("seed", new string('0', 64)),
        };
        ModelFile.Save(proto, contract, Folder.File(name));
        return ModelFile.Load(Folder.File(name));
    }

    public QuantizedModel Quantize(ModelFile model, QuantizationOptions? options = null) =>
        ModelQuantization.Run(model, Images, options ?? new QuantizationOptions { Threads = 2 }, _ => new Progress<int>(),
            TestContext.Current.CancellationToken);

    public ModelFile Save(QuantizedModel quantized, string name = "int8.onnx")
    {
        ModelFile.Save(quantized.Proto, quantized.Contract, Folder.File(name));
        return ModelFile.Load(Folder.File(name));
    }

    // Two waves and a little noise: flat pictures would hide errors, and noise alone has no structure to keep.
    private void WritePicture(string name, int seed)
    {
        var random = new Random(seed);
        var (a, b, c) = (random.NextDouble() / 3, random.NextDouble() / 3, random.Next(40, 200));
        var pixels = new byte[Side * Side * 3];
        for (var i = 0; i < pixels.Length; i++)
        {
            var (channel, x, y) = (i % 3, i / 3 % Side, i / 3 / Side);
            pixels[i] = (byte)Math.Clamp(c + (50 * Math.Sin((a * x) + channel)) + (50 * Math.Cos(b * y)) + random.Next(-8, 8), 0, 255);
        }

        Folder.Write($"pictures/{name}", ImageEncoder.Jpeg(new RgbImage(Side, Side, pixels), quality: 95));
    }
}
