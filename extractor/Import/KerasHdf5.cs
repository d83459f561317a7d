using System.Text.RegularExpressions;
using Headstart.Models;
using PureHDF;

namespace Headstart.Extraction.Import;

/// <summary>Finds a VGG's convolutions in the HDF5 files that Keras has written over the years.</summary>
/// <remarks>
/// Keras 1, 2 and Keras 3's <c>save_weights("x.h5")</c>: a group a layer, listed in <c>layer_names</c>, each listing its datasets in
/// <c>weight_names</c>; in the file itself or, where the whole model was saved, under <c>model_weights</c>. Keras 3's <c>.weights.h5</c>:
/// groups
/// <c>layers/conv2d_N/vars</c>, numbered in the model's order, holding <c>0</c> (kernel) and <c>1</c> (bias).
/// </remarks>
internal sealed partial class KerasHdf5 : IDisposable
{
    // Where Keras 3 (and 2.12 to 2.15) put a model's layers, the model itself or one nested in another.
    private static readonly string[] LayerContainers =
        ["layers", "_layer_checkpoint_dependencies", "layers/functional/layers", "layers/vgg16/layers", "layers/vgg19/layers",
            "layers/model/layers"];

    private static readonly DatasetNames Nothing = new("", "");

    private readonly string _path;
    private readonly IDisposable _file;
    private readonly Dictionary<string, DatasetNames> _named;
    private readonly List<DatasetNames> _numbered;
    private readonly string? _stray;
    private readonly IH5Group _root;

    private KerasHdf5(string path, IDisposable file, IH5Group root)
    {
        _path = path;
        _file = file;
        _root = root;
        (_named, _stray) = Named(root, "");
        if (_named.Count == 0 && root.LinkExists("model_weights"))
            (_named, _stray) = Named(root.Group("model_weights"), "model_weights/");
        (_numbered, _stray) = _named.Count > 0 ? ([], _stray) : Numbered(root);
    }

    /// <summary>Opens the file and lists its convolutions.</summary>
    /// <exception cref="CommandException">Not a readable HDF5 file, or one without convolutions under any of Keras' names.</exception>
    public static KerasHdf5 Open(string path)
    {
        GuardedStream? stream = null;
        try
        {
            stream = new GuardedStream(path);
            if (Hdf5ExternalLinks.Find(stream) is { } target)
                throw new CommandException(
                    $"{path} has a link to another file ({target}), which is not followed. Save the weights into one file.");
            stream.Position = 0;
            var file = H5File.Open(stream, leaveOpen: false);
            var keras = new KerasHdf5(path, file, file);
            if (keras._named.Count + keras._numbered.Count == 0)
                throw new CommandException(
                    $"{path} is an HDF5 file, but has no convolutions under Keras' names (block1_conv1/kernel:0 or layers/conv2d/vars/0).");
            return keras;
        }
        catch (Exception e)
        {
            stream?.Dispose();
            throw e is CommandException ? e : Unreadable(path, "", e);
        }
    }

    /// <summary>The file as one of an architecture's.</summary>
    /// <exception cref="CommandException">A kernel can't be read.</exception>
    public VggFit FitOf(VggArchitecture architecture)
    {
        // Without names, order and shapes must tell.
        var all = architecture.Convolutions;
        var found = _named.Count > 0
            ? _named.Where(n => n.Value.Kernel.Length > 0).Select(
                n => (n.Value.Kernel, Convolution: all.FirstOrDefault(c => c.Name == n.Key)))
            : _numbered.Select((n, i) => (n.Kernel, Convolution: all.ElementAtOrDefault(i)));
        var kernels = found.Select(
            f => new FoundKernel(f.Kernel, Dimensions(f.Kernel), f.Convolution, f.Convolution is null ? [] : HwioOf(f.Convolution)));
        return VggFit.Of(architecture, [.. kernels], _stray is null ? null : $"it has '{_stray}', which is none of Keras' VGG's",
            c => $"{c.Name}/kernel");
    }

    /// <exception cref="CommandException">A tensor is missing, has another shape or can't be read; the message names layer, tensor and
    /// file.</exception>
    public ConvolutionWeights Read(VggArchitecture architecture, VggConvolution convolution)
    {
        var all = architecture.Convolutions;
        var tensors = _named.GetValueOrDefault(convolution.Name, Nothing);
        for (var i = 0; i < Math.Min(all.Count, _numbered.Count); i++)
        {
            if (all[i] == convolution)
                tensors = _numbered[i];
        }

        if (tensors.Kernel.Length == 0 || tensors.Bias.Length == 0)
            throw VggWeights.Missing(
                _path, architecture, convolution, $"{convolution.Name}/{(tensors.Kernel.Length == 0 ? "kernel" : "bias")}");

        var kernel = ReadFloats(architecture, convolution, tensors.Kernel, HwioOf(convolution));
        var bias = ReadFloats(architecture, convolution, tensors.Bias, [convolution.OutChannels]);
        return new ConvolutionWeights(HwioToOihw(kernel, convolution.InChannels, convolution.OutChannels), bias);
    }

    public void Dispose() => _file.Dispose();

    /// <summary>3 x 3 x In x Out to Out x In x 3 x 3.</summary>
    internal static float[] HwioToOihw(float[] hwio, int inChannels, int outChannels)
    {
        var oihw = new float[hwio.Length];
        for (var hw = 0; hw < 9; hw++)
        {
            for (var i = 0; i < inChannels; i++)
            {
                for (var o = 0; o < outChannels; o++)
                    oihw[(((o * inChannels) + i) * 9) + hw] = hwio[(((hw * inChannels) + i) * outChannels) + o];
            }
        }

        return oihw;
    }

    private float[] ReadFloats(VggArchitecture architecture, VggConvolution convolution, string name, long[] shape)
    {
        try
        {
            var dataset = _root.Dataset(name);
            var found = dataset.Space.Dimensions.Select(d => (long)d).ToArray();
            if (!found.SequenceEqual(shape))
                throw VggWeights.WrongShape(_path, architecture, convolution, name, shape, found);
            if (dataset.Type.Class != H5DataTypeClass.FloatingPoint)
                throw new CommandException($"{_path}: '{name}' of layer {convolution.Name} holds {dataset.Type.Class} values; " +
                    "floating-point weights are expected.");
            return dataset.Type.Size switch
            {
                2 => [.. dataset.Read<Half[]>().Select(h => (float)h)],
                8 => [.. dataset.Read<double[]>().Select(d => (float)d)],
                _ => dataset.Read<float[]>(),
            };
        }
        catch (Exception e) when (e is not CommandException)
        {
            throw Unreadable(_path, $"'{name}' of layer {convolution.Name}: ", e);
        }
    }

    private long[] Dimensions(string name)
    {
        try
        {
            return [.. _root.Dataset(name).Space.Dimensions.Select(d => (long)d)];
        }
        catch (Exception e) when (e is not CommandException)
        {
            throw Unreadable(_path, $"'{name}': ", e);
        }
    }

    private static long[] HwioOf(VggConvolution convolution) => [3, 3, convolution.InChannels, convolution.OutChannels];

    /// <returns>
    /// The convolutions with a VGG's names, and the first dataset among them (not behind the last: that is a head) that is of no VGG.
    /// </returns>
    private static (Dictionary<string, DatasetNames> Found, string? Stray) Named(IH5Group group, string prefix)
    {
        string? stray = null;
        string? pending = null;
        var found = new Dictionary<string, DatasetNames>(StringComparer.Ordinal);
        foreach (var layer in Strings(group, "layer_names"))
        {
            if (!group.LinkExists(layer))
                continue;
            if (group.Get(layer) is not IH5Group layerGroup)
                throw new InvalidDataException($"group '{layer}' can't be opened; its links lead nowhere or in a circle");
            foreach (var weight in Strings(layerGroup, "weight_names"))
            {
                var match = ConvolutionWeight().Match($"{layer}/{weight}");
                if (!match.Success)
                {
                    // A convolution of another name, or a batch norm.
                    if (found.Count > 0 && (BatchNormWeight().IsMatch(weight)
                        || (layerGroup.LinkExists(weight) && layerGroup.Dataset(weight).Space.Dimensions.Length == 4)))
                        pending ??= $"{prefix}{layer}/{weight}";
                    continue;
                }

                stray ??= pending;
                var name = match.Groups["layer"].Value;
                var pair = found.GetValueOrDefault(name, Nothing);
                var dataset = $"{prefix}{layer}/{weight}";
                found[name] = match.Groups["kind"].Value is "kernel" or "W" ? pair with { Kernel = dataset } : pair with { Bias = dataset };
            }
        }

        return (found, stray);
    }

    /// <returns>The convolutions in the model's order, and a batch norm that follows the first of them, to judge by its width.</returns>
    private static (List<DatasetNames> Found, string? Stray) Numbered(IH5Group root)
    {
        foreach (var container in LayerContainers.Where(root.LinkExists))
        {
            var found = new List<DatasetNames>();
            while (true)
            {
                var layer = $"{container}/conv2d{(found.Count == 0 ? "" : $"_{found.Count}")}/vars";
                if (!root.LinkExists(layer))
                    break;
                found.Add(new DatasetNames($"{layer}/0", $"{layer}/1"));
            }

            var norm = $"{container}/batch_normalization/vars/0";
            if (found.Count > 0)
                return (found, root.LinkExists(norm) && root.Dataset(norm).Space.Dimensions is [64] ? norm : null);
        }

        return ([], null);
    }

    /// <summary>A list of strings in an attribute; Keras splits long ones into <c>name0</c>, <c>name1</c> and so on.</summary>
    private static IEnumerable<string> Strings(IH5Object holder, string name)
    {
        if (holder.AttributeExists(name))
            return Read(name);
        return Enumerable.Range(0, 1000).Select(i => $"{name}{i}").TakeWhile(holder.AttributeExists).SelectMany(Read);

        // Layers without weights have an empty list of floats.
        string[] Read(string attribute) => holder.Attribute(
            attribute) is { Type.Class: H5DataTypeClass.String or H5DataTypeClass.VariableLength } list
            && list.Space.Dimensions.All(d => d > 0) ? list.Read<string[]>() : [];
    }

    private static CommandException Unreadable(string path, string where, Exception e) =>
        new($"{path} can't be read as a Keras .h5 file: {where}{e.Message.TrimEnd('.')}. It is damaged or cut short: fetch or save it " +
            "again.", cause: e);

    private sealed record DatasetNames(string Kernel, string Bias);

    [GeneratedRegex(@"(^|/)(?<layer>block\d+_conv\d+)(_\d+)?[/_](?<kind>kernel|W|bias|b)(_\d+)?(:0)?$")]
    private static partial Regex ConvolutionWeight();

    [GeneratedRegex(@"(^|[/_])(moving_mean|running_mean)(_\d+)?(:0)?$")]
    private static partial Regex BatchNormWeight();
}
