using Headstart.CommandLine;
using Headstart.Models;
using Headstart.Training.Heads;
using static TorchSharp.torch;

namespace Headstart.Training.FineTuning;

/// <summary>A stretch of a VGG base in libtorch, from the image or from a layer's features down to a deeper layer: what can be tuned.</summary>
/// <remarks>
/// All blocks are frozen until <see cref="Unfreeze"/>. Computes in channels-last memory format, in which libtorch's convolutions are faster on a
/// CPU; shapes, names and values are those of the ONNX graph all the same. Not thread-safe.
/// </remarks>
internal sealed class Vgg : IDisposable
{
    private readonly IReadOnlyList<VggLayer> _layers;

    private Vgg(VggArchitecture architecture, string? after, IReadOnlyList<VggLayer> layers)
    {
        Architecture = architecture;
        After = after;
        _layers = layers;
    }

    public VggArchitecture Architecture { get; }

    /// <summary>The layer whose features go in, or null for the image.</summary>
    public string? After { get; }

    /// <summary>The layer whose features come out.</summary>
    public string To => _layers[^1].Name;

    /// <summary>What is computed, shallow first.</summary>
    public IReadOnlyList<string> LayerNames => [.. _layers.Select(l => l.Name)];

    /// <summary>How many blocks have convolutions in this stretch, and can be unfrozen.</summary>
    public int Blocks => Convolutions.Select(l => l.Block).Distinct().Count();

    /// <summary>Kernels [out, in, 3, 3] and biases [out], shallow first.</summary>
    public IReadOnlyList<VggParameter> Parameters =>
    [
        .. Convolutions.SelectMany(l => new[]
        {
            new VggParameter($"{l.Name}.weight", l.Block, l.Weight!),
            new VggParameter($"{l.Name}.bias", l.Block, l.Bias!),
        }),
    ];

    /// <summary>The parameters of the unfrozen blocks.</summary>
    public IReadOnlyList<VggParameter> Trained => [.. Parameters.Where(p => p.Value.requires_grad)];

    private IEnumerable<VggLayer> Convolutions => _layers.Where(l => l.Weight is not null);

    /// <summary>The stretch of a model file's network between two layers, with the file's weights.</summary>
    /// <param name="model">A VGG; it may be cut.</param>
    /// <param name="device">Where it computes.</param>
    /// <param name="after">The layer whose features will go in; null to start from the image.</param>
    /// <param name="to">The layer whose features come out; null for the model's deepest.</param>
    /// <exception cref="CommandException">Another network, a layer that isn't there, nothing between the two, or weights that the names and
    /// shapes of a VGG contradict.</exception>
    public static Vgg FromModel(ModelFile model, Device device, string? after = null, string? to = null)
    {
        var architecture = VggArchitecture.All.FirstOrDefault(a => a.Name == model.Contract.Architecture)
            ?? throw new CommandException($"{model.Path} is not a VGG (its architecture is '{model.Contract.Architecture}'), so its blocks are not known. " +
                $"Pass the model of a {string.Join(", ", VggArchitecture.All.Select(a => a.Name))}.");
        var deepest = model.Contract.Layers[^1].Name;
        var (first, end) = (after is null ? 0 : IndexOf(after) + 1, IndexOf(to ?? deepest) + 1);
        if (first >= end)
            throw new CommandException($"Nothing lies between {after} and {to ?? deepest}: the features must come from a shallower layer than the head's.");

        var initialisers = model.Proto.Graph.Initializer.ToDictionary(t => t.Name);
        var convolutions = architecture.Convolutions.ToDictionary(c => c.Name);
        var layers = new List<VggLayer>();
        try
        {
            foreach (var name in architecture.LayerNames.Take(first..end))
            {
                layers.Add(convolutions.TryGetValue(name, out var convolution)
                    ? VggLayer.Convolution(convolution, Weights(convolution), device)
                    : VggLayer.Pool(BlockOf(name)));
            }

            return new Vgg(architecture, after, layers);
        }
        catch
        {
            layers.ForEach(l => l.Dispose());
            throw;
        }

        int IndexOf(string layer)
        {
            architecture.ConvolutionsUpTo(layer); // Throws, with the near names.
            var names = architecture.LayerNames.ToList();
            return names.IndexOf(layer) <= names.IndexOf(deepest)
                ? names.IndexOf(layer)
                : throw new CommandException($"{model.Path} ends at {deepest}, so it has no {layer}. Import the weights again with --layer {layer}.");
        }

        int BlockOf(string pool) => architecture.PoolNames.ToList().IndexOf(pool) + 1;

        ConvolutionWeights Weights(VggConvolution c) =>
            new(Floats($"{c.Name}.weight", c.OutChannels, c.InChannels, 3, 3), Floats($"{c.Name}.bias", c.OutChannels));

        float[] Floats(string name, params long[] shape)
        {
            if (!initialisers.TryGetValue(name, out var stored))
                throw new CommandException($"{model.Path} has no initialiser '{name}', which a {architecture.Name} needs. " +
                    "Pass the float32 model as 'extractor model import' made it.");
            return stored.Dims.SequenceEqual(shape)
                ? OnnxTensor.ToFloats(stored)
                : throw new CommandException($"{model.Path}: '{name}' is [{string.Join(", ", stored.Dims)}], and a {architecture.Name} " +
                    $"has [{string.Join(", ", shape)}] there. Pass the float32 model as 'extractor model import' made it.");
        }
    }

    /// <summary>Lets the deepest blocks be trained, and freezes those before them.</summary>
    /// <param name="blocks">0 (none) to <see cref="Blocks"/> (all of the stretch).</param>
    public void Unfreeze(int blocks)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(blocks);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(blocks, Blocks);
        var frozen = Convolutions.Select(l => l.Block).Distinct().SkipLast(blocks).ToHashSet();
        foreach (var parameter in Parameters)
            parameter.Value.requires_grad = !frozen.Contains(parameter.Block);
    }

    /// <summary>Features of <see cref="To"/>, [n, c, h, w], from images or from the features of <see cref="After"/>. The result is the caller's.</summary>
    /// <remarks>libtorch keeps what the backward pass needs from the first unfrozen block on, and nothing of those before it.</remarks>
    public Tensor Forward(Tensor input)
    {
        var features = ChannelsLast.Of(input);
        foreach (var layer in _layers)
        {
            using var previous = features;
            features = layer.Forward(previous);
        }

        return features;
    }

    /// <summary>A copy of all parameters outside libtorch, under the names and in the layout of the ONNX initialisers (OIHW).</summary>
    public IReadOnlyList<NamedTensor> ToNamedTensors() => [.. Parameters.Select(p =>
    {
        using var scope = NewDisposeScope();
        return new NamedTensor(p.Name, p.Value.shape, p.Value.detach().cpu().contiguous().data<float>().ToArray());
    })];

    /// <summary>Takes over stored weights.</summary>
    /// <param name="state">Exactly the names of <see cref="Parameters"/>, each with its shape.</param>
    /// <param name="source">The file, for messages.</param>
    /// <exception cref="CommandException">A tensor is missing, too many, or of another shape; nothing is changed.</exception>
    public void Load(IReadOnlyDictionary<string, NamedTensor> state, string source)
    {
        var own = Parameters;
        foreach (var (name, _, value) in own)
        {
            if (!state.TryGetValue(name, out var stored))
                throw Unfit($"has no tensor '{name}'");
            if (!stored.Shape.SequenceEqual(value.shape))
                throw Unfit($"has '{name}' as [{string.Join(", ", stored.Shape)}] instead of [{string.Join(", ", value.shape)}]");
        }

        if (state.Keys.Except(own.Select(o => o.Name)).FirstOrDefault() is { } extra)
            throw Unfit($"has a tensor '{extra}' that is not one of them");

        using var noGradient = no_grad();
        foreach (var (name, _, value) in own)
        {
            using var scope = NewDisposeScope();
            value.copy_(tensor(state[name].Values, state[name].Shape));
        }

        CommandException Unfit(string what) => new($"{source} doesn't hold the weights of {Architecture.Name} from {After ?? "the image"} to {To}: it {what}. " +
            "Pass the run that was tuned with these blocks.");
    }

    public void Dispose()
    {
        foreach (var layer in _layers)
            layer.Dispose();
    }
}
