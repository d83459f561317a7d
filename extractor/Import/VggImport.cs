using Headstart.Models;
using Headstart.Preprocessing;

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
