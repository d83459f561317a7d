using System.Security.Cryptography;
using Headstart.Extraction.Import;
using Headstart.Models;
using Headstart.Models.Onnx;
using Headstart.Preprocessing;
using Headstart.Safetensors;

namespace Headstart.Extraction.Demo;

/// <summary>The small network in <c>onnx/demo-base.onnx</c>, shaped like a VGG, and the seeded one that it was trained from.</summary>
/// <remarks>
/// <c>scripts/make-demo-base.sh</c> trains the seeded network, through the trainer's own commands, on drawn pictures of all classes but the
/// two of the default demo set. The seeded weights are drawn as He et al. do for ReLU networks (variance 2 / fan-in,
/// https://arxiv.org/abs/1502.01852). Each kernel of the first layer has its mean taken away, a colour channel at a time, so that it
/// answers to edges and not to flat colour, which the demo pictures make meaningless. One more layer, <see cref="Pixels"/>, leads past the
/// network: what a head has without it.
/// </remarks>
internal static class DemoBase
{
    public const int Size = 64;

    /// <summary>The layer that is the picture itself, at half its size.</summary>
    public const string Pixels = "pixels";

    /// <summary>The first classes of <see cref="DemoClass.All"/>: the default demo set's. The trained base never had them.</summary>
    public const int UnseenClasses = 2;

    /// <summary>Shown wherever a figure that comes from the seeded base is shown.</summary>
    public const string SeededNote =
        "Seeded random weights, not pretrained: good for trying the commands on demo pictures, useless for judging real ones.";

    private const int Seed = 1;

    private const int KernelArea = 9;

    private static readonly VggArchitecture Shape = new("demo-base", [(1, 8), (1, 16), (1, 32), (1, 64)]);

    /// <summary>Shown wherever a figure that comes from the trained base is shown.</summary>
    public static string TrainedNote { get; } =
        $"Pretrained by Headstart on drawn pictures of {DemoClass.All.Count - UnseenClasses} classes " +
        $"({string.Join(" and ", DemoClass.All.Take(UnseenClasses).Select(c => c.Name))} " +
        "not among them): good for trying the commands on demo pictures, useless for judging real ones.";

    /// <summary>Writes the seeded base, the same bytes on every machine.</summary>
    /// <param name="path">Replaced if it is there.</param>
    public static void WriteSeeded(string path)
    {
        var random = new DemoRandom(Seed);
        Write(path, $"kernels drawn with seed {Seed}", SeededNote,
            c => new ConvolutionWeights(DrawKernel(c, random), new float[c.OutChannels]));
    }

    /// <summary>Writes the base with the weights of a run that tuned all of the seeded one.</summary>
    /// <param name="path">Replaced if it is there.</param>
    /// <param name="weights">The run's <c>base.safetensors</c>.</param>
    /// <exception cref="CommandException">Not a safetensors file, or one without a tensor of the base's name and size.</exception>
    public static void WriteTrained(string path, string weights)
    {
        using var tensors = SafetensorsFile.Open(weights);
        Write(path, $"tuned from kernels drawn with seed {Seed}", TrainedNote, c => new ConvolutionWeights(
            Floats($"{c.Name}.weight", c.OutChannels * c.InChannels * KernelArea),
            Floats($"{c.Name}.bias", c.OutChannels)));

        float[] Floats(string name, int count) =>
            tensors.Tensors.ContainsKey(name) && tensors.ReadFloats(name) is { } values && values.Length == count
                ? values
                : throw new CommandException($"{weights} has no tensor '{name}' of {count:N0} values. Name the base.safetensors of a run " +
                    "that tuned all of the seeded demo base.");
    }

    private static void Write(string path, string source, string note, Func<VggConvolution, ConvolutionWeights> weights)
    {
        using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var (model, layers) = VggGraph.Build(Shape, Shape.PoolNames, Size, convolution =>
        {
            var made = weights(convolution);
            foreach (var values in (float[][])[made.Kernel, made.Bias])
                digest.AppendData(OnnxTensor.FromFloats("", values, values.Length).RawData.Span);
            return made;
        });
        var pixels = AddPixels(model.Graph);
        var contract = new ModelContract
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
            Layers = [pixels, .. layers],
            Weights = new WeightsSource(source, Convert.ToHexStringLower(digest.GetHashAndReset()), note),
        };
        ModelFile.Save(model, contract with { Fingerprint = ModelImport.Fingerprint(model, contract, path) }, path);
    }

    // The means of 2 x 2 pixels.
    private static ModelLayer AddPixels(GraphProto graph)
    {
        const int Factor = 2;
        var layer = new ModelLayer(Pixels, new LayerShape(3, Size / Factor, Size / Factor));
        var pool = new NodeProto { Name = Pixels, OpType = "AveragePool" };
        pool.Input.Add(VggGraph.InputName);
        pool.Output.Add(Pixels);
        foreach (var name in (string[])["kernel_shape", "strides"])
        {
            var both = new AttributeProto { Name = name, Type = AttributeProto.Types.AttributeType.Ints };
            both.Ints.AddRange([Factor, Factor]);
            pool.Attribute.Add(both);
        }

        graph.Node.Insert(0, pool);
        graph.Output.Insert(0, VggGraph.Describe(Pixels, layer.Shape));
        return layer;
    }

    private static float[] DrawKernel(VggConvolution convolution, DemoRandom random)
    {
        var kernel = new double[convolution.OutChannels * convolution.InChannels * KernelArea];
        var deviation = Math.Sqrt(2.0 / (convolution.InChannels * KernelArea));
        for (var i = 0; i < kernel.Length; i++)
            kernel[i] = deviation * random.NearNormal();

        if (convolution is { Block: 1, Index: 1 })
        {
            for (var start = 0; start < kernel.Length; start += KernelArea)
            {
                var mean = 0.0;
                for (var i = 0; i < KernelArea; i++)
                    mean += kernel[start + i] / KernelArea;
                for (var i = 0; i < KernelArea; i++)
                    kernel[start + i] -= mean;
            }
        }

        return Array.ConvertAll(kernel, value => (float)value);
    }
}
