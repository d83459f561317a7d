using System.Text.Json;
using Headstart.Models;
using PureHDF;

namespace Headstart.Tests.Import;

/// <summary>Small VGG weights (seeded noise) in the layouts that people have; the upper blocks only, because the whole is large.</summary>
internal static class WeightFiles
{
    /// <summary>What the smallest useful weights hold.</summary>
    public static IReadOnlyList<VggConvolution> Blocks12 { get; } = VggArchitecture.Vgg16.ConvolutionsUpTo("block2_pool");

    public static ConvolutionWeights Noise(VggConvolution convolution)
    {
        var random = new Random(convolution.OutChannels + convolution.Index);
        var scale = MathF.Sqrt(2f / (9 * convolution.InChannels));
        return new ConvolutionWeights(
            [.. Enumerable.Range(0, 9 * convolution.InChannels * convolution.OutChannels).Select(
                _ => ((random.NextSingle() * 2) - 1) * scale)],
            [.. Enumerable.Range(0, convolution.OutChannels).Select(_ => (random.NextSingle() - 0.5f) / 10)]);
    }

    /// <summary>
    /// torchvision's position in <c>features</c>: 0, 2, (pool) 5, 7, (pool) 10 ...; with batch norm 0, 3, (pool) 7, 10, (pool) 14 ...
    /// </summary>
    public static int TorchPosition(VggArchitecture architecture, VggConvolution convolution, bool batchNorm = false) =>
        (architecture.Convolutions.ToList().IndexOf(convolution) * (batchNorm ? 3 : 2)) + convolution.Block - 1;

    /// <summary>torchvision's names for the first two blocks of vgg16.</summary>
    public static Dictionary<string, (long[] Shape, float[] Values)> TorchTensors(string prefix = "") =>
        TorchTensors(VggArchitecture.Vgg16, "block2_pool", prefix);

    /// <summary>torchvision's names for the convolutions of an architecture down to a layer.</summary>
    public static Dictionary<string, (long[] Shape, float[] Values)> TorchTensors(
        VggArchitecture architecture, string layer, string prefix = "")
    {
        var tensors = new Dictionary<string, (long[], float[])>();
        foreach (var convolution in architecture.ConvolutionsUpTo(layer))
        {
            var name = $"{prefix}features.{TorchPosition(architecture, convolution)}";
            var weights = Noise(convolution);
            tensors[$"{name}.weight"] = ([convolution.OutChannels, convolution.InChannels, 3, 3], weights.Kernel);
            tensors[$"{name}.bias"] = ([convolution.OutChannels], weights.Bias);
        }

        return tensors;
    }

    public static byte[] Safetensors(IReadOnlyDictionary<string, (long[] Shape, float[] Values)> tensors, string type = "F32")
    {
        using var data = new MemoryStream();
        var header = new Dictionary<string, object> { ["__metadata__"] = new { format = "pt" } };
        foreach (var (name, tensor) in tensors)
        {
            var begin = data.Length;
            foreach (var value in tensor.Values)
            {
                data.Write(type switch
                {
                    "F16" => BitConverter.GetBytes((Half)value),
                    "BF16" => BitConverter.GetBytes((ushort)(BitConverter.SingleToInt32Bits(value) >> 16)),
                    _ => BitConverter.GetBytes(value),
                });
            }

            header[name] = new { dtype = type, shape = tensor.Shape, data_offsets = new[] { begin, data.Length } };
        }

        return WithHeader(JsonSerializer.SerializeToUtf8Bytes(header), data.ToArray());
    }

    public static byte[] WithHeader(byte[] header, byte[] data) => [.. BitConverter.GetBytes((ulong)header.Length), .. header, .. data];

    /// <summary>Keras 1 and 2: a group a layer; weights named by <paramref name="name"/> from layer and kind (kernel, bias).</summary>
    /// <param name="convolutions">vgg16's first two blocks when null.</param>
    /// <param name="between">Layers that are listed before the last convolution, each with one weight: its name and shape.</param>
    public static void WriteKeras(
        string path, Func<string, string, string> name, string root = "", IReadOnlyList<VggConvolution>? convolutions = null,
        params (string Layer, string Weight, ulong[] Shape)[] between)
    {
        convolutions ??= Blocks12;
        var file = new H5File();
        var group = root.Length == 0 ? (H5Group)file : new H5Group();
        if (root.Length > 0)
            file[root] = group;
        foreach (var convolution in convolutions)
        {
            var layer = new H5Group();
            var weights = Noise(convolution);
            string[] names = [name(convolution.Name, "kernel"), name(convolution.Name, "bias")];
            Put(layer, names[0], Kernel(convolution, weights));
            Put(layer, names[1], new H5Dataset(weights.Bias));
            layer.Attributes["weight_names"] = names;
            group[convolution.Name] = layer;
        }

        group["block1_pool"] = new H5Group { Attributes = { ["weight_names"] = new double[] { 0 } } };
        foreach (var (layer, weight, shape) in between)
        {
            var holder = new H5Group { Attributes = { ["weight_names"] = new[] { weight } } };
            Put(holder, weight, new H5Dataset(new float[shape.Aggregate(1UL, (x, y) => x * y)], fileDims: shape));
            group[layer] = holder;
        }

        string[] layers = [.. convolutions.Select(c => c.Name)];
        group.Attributes["layer_names"] = (string[])[.. layers[..^1], .. between.Select(l => l.Layer), layers[^1], "block1_pool"];
        file.Write(path);
    }

    /// <summary>Keras 3's <c>.weights.h5</c>: classes and numbers instead of names.</summary>
    public static void WriteKeras3(string path, IReadOnlyList<VggConvolution>? convolutions = null, bool batchNorm = false)
    {
        convolutions ??= Blocks12;
        var layers = new H5Group();
        for (var i = 0; i < convolutions.Count; i++)
        {
            var weights = Noise(convolutions[i]);
            layers[i == 0 ? "conv2d" : $"conv2d_{i}"] = new H5Group
            {
                ["vars"] = new H5Group { ["0"] = Kernel(convolutions[i], weights), ["1"] = new H5Dataset(weights.Bias) },
            };
        }

        if (batchNorm)
            layers["batch_normalization"] = new H5Group { ["vars"] = new H5Group { ["0"] = new H5Dataset(new float[64]) } };
        layers["max_pooling2d"] = new H5Group { ["vars"] = new H5Group() };
        new H5File { ["layers"] = layers }.Write(path);
    }

    private static H5Dataset Kernel(VggConvolution convolution, ConvolutionWeights weights)
    {
        // OIHW to HWIO, element by element.
        var (inputs, outputs) = (convolution.InChannels, convolution.OutChannels);
        var hwio = new float[weights.Kernel.Length];
        for (var o = 0; o < outputs; o++)
        {
            for (var i = 0; i < inputs; i++)
            {
                for (var y = 0; y < 3; y++)
                {
                    for (var x = 0; x < 3; x++)
                        hwio[(((((y * 3) + x) * inputs) + i) * outputs) + o] = weights.Kernel[(((((o * inputs) + i) * 3) + y) * 3) + x];
                }
            }
        }

        return new H5Dataset(hwio, fileDims: [3, 3, (ulong)inputs, (ulong)outputs]);
    }

    private static void Put(H5Group group, string path, H5Dataset dataset)
    {
        var parts = path.Split('/');
        foreach (var part in parts[..^1])
        {
            if (!group.TryGetValue(part, out var inner))
                group[part] = inner = new H5Group();
            group = (H5Group)inner;
        }

        group[parts[^1]] = dataset;
    }
}
