using Headstart.CommandLine;
using Headstart.Models;
using Headstart.Models.Onnx;
using Headstart.Preprocessing;
using Headstart.Safetensors;

namespace Headstart.Extraction.Import;

/// <summary>Builds a VGG base from weights that carry no graph.</summary>
internal static class VggImport
{
    public static ImportedModel FromSafetensors(ImportOptions options, ImagePreprocessing preprocessing, WeightsSource source)
    {
        using var file = SafetensorsFile.Open(options.Weights);
        var names = VggTensorNames.Find(options.Weights, file.Tensors.ToDictionary(t => t.Key, t => t.Value.Shape));
        var (architecture, notes) = Choose(options, names.ConvolutionsOf);
        var weights = new SafetensorsVgg(options.Weights, file, names, architecture);
        if (names.BatchNorm)
            notes.Add("Its batch norms are folded into the convolutions.");
        return Build(names.BatchNorm ? $"{architecture.Name}_bn" : architecture.Name, architecture, options.Layers, preprocessing, source, weights.Read, notes);
    }

    public static ImportedModel FromKeras(ImportOptions options, ImagePreprocessing preprocessing, WeightsSource source)
    {
        using var file = KerasHdf5.Open(options.Weights);
        var (architecture, notes) = Choose(options, file.ConvolutionsOf);
        return Build(architecture.Name, architecture, options.Layers, preprocessing, source, c => file.Read(architecture, c), notes);
    }

    /// <summary>Rebuilds a VGG found in an ONNX graph under Keras' names, so that it is the same file whatever the weights came in.</summary>
    /// <returns>Null where the graph is another network, or a layer of it is asked for by a name of its own: then it is imported as it is.</returns>
    /// <exception cref="CommandException">The user named an architecture, and the graph is not that; the message says where it differs.</exception>
    public static ImportedModel? FromOnnx(ImportOptions options, ModelProto model, ImagePreprocessing preprocessing, WeightsSource source)
    {
        var vgg = OnnxVgg.Walk(model);
        var fits = VggArchitecture.All.Where(a => options.Architecture is null || a.Name == options.Architecture)
            .Where(a => options.Layers.All(a.LayerNames.Contains) && vgg.ConvolutionsOf(a) is { Count: > 0 } has && Layers(a).All(l => a.ConvolutionsUpTo(l).All(has.Contains)))
            .ToArray();
        if (options.Architecture is { } asked && fits.Length == 0)
        {
            foreach (var layer in options.Layers)
                VggArchitecture.Named(asked).ConvolutionsUpTo(layer); // Throws where there is no such layer.
            throw new CommandException($"{options.Weights} is not a {asked}{(options.Layers.Count > 0 ? $" down to {options.Layers[^1]}" : "")}: {vgg.End}. " +
                "Without --arch it is imported as the network that it is.");
        }

        if (fits is not [var architecture] || (vgg.ClosedBlocks == 0 && options.Layers.Count == 0))
            return null;
        var notes = new List<string>();
        if (options.Architecture is null)
            notes.Add($"The graph is that of {architecture.Name}: its layers have Keras' names now.");
        if (vgg.HasBatchNorm)
            notes.Add("Its batch norms are folded into the convolutions.");
        var name = vgg.HasBatchNorm ? $"{architecture.Name}_bn" : architecture.Name;
        return Build(name, architecture, Layers(architecture), preprocessing, source, vgg.Read, notes);

        // A graph is complete as it is: without names, what it closes is what is meant.
        IReadOnlyList<string> Layers(VggArchitecture a) => options.Layers.Count > 0 ? options.Layers : [.. a.PoolNames.Take(vgg.ClosedBlocks)];
    }

    /// <summary>The architecture that the user named, or else the one that the file must be.</summary>
    private static (VggArchitecture Architecture, List<string> Notes) Choose(
        ImportOptions options, Func<VggArchitecture, IReadOnlySet<VggConvolution>?> convolutionsOf)
    {
        if (options.Architecture is { } name)
            return (VggArchitecture.Named(name), []);
        var architecture = VggRecognition.Choose(options.Weights, options.Layers, convolutionsOf);
        return (architecture, [$"The tensors' names and shapes say that it is {architecture.Name}."]);
    }

    /// <summary>The graph with its contract, from weights of any origin.</summary>
    internal static ImportedModel Build(
        string name,
        VggArchitecture architecture,
        IReadOnlyList<string> layers,
        ImagePreprocessing preprocessing,
        WeightsSource source,
        Func<VggConvolution, ConvolutionWeights> weights,
        IReadOnlyList<string> notes)
    {
        foreach (var layer in layers)
            architecture.ConvolutionsUpTo(layer); // Throws, with the near names.
        var (proto, modelLayers) = VggGraph.Build(architecture, layers.Count == 0 ? architecture.PoolNames : layers, preprocessing.Size, weights);
        foreach (var layer in modelLayers.Where(l => l.Shape.Height == 0))
            throw CommandException.Usage($"Images of {preprocessing.Size} x {preprocessing.Size} pixels are too small for {layer.Name}, of which nothing would be left. Choose a larger size in --preset, or a shallower --layer.");
        var contract = new ModelContract
        {
            Name = name,
            Architecture = architecture.Name,
            Preprocessing = preprocessing,
            Layers = modelLayers,
            Weights = source,
        };
        return new ImportedModel(proto, contract, notes);
    }
}
