using Headstart.Models;
using Headstart.Preprocessing;

namespace Headstart.Extraction.Import;

/// <summary>Builds a VGG base from weights that carry no graph.</summary>
internal static class VggImport
{
    public static ImportedModel FromSafetensors(ImportOptions options, ImagePreprocessing preprocessing, WeightsSource source)
    {
        using var file = SafetensorsFile.Open(options.Weights);
        var shapes = file.Tensors.ToDictionary(t => t.Key, t => t.Value.Shape);
        var asked = options.Architecture is null ? null : VggArchitecture.Named(options.Architecture);
        var (names, architecture) = VggTensorNames.Recognise(options.Weights, shapes, asked, options.Layers);
        var weights = new SafetensorsVgg(options.Weights, file, names, architecture);
        var notes = new List<string>();
        if (asked is null)
            notes.Add($"The tensors' names say that it is {architecture.Name}.");
        if (names.BatchNorm)
            notes.Add("Its batch norms are folded into the convolutions.");
        var name = architecture.Name + (names.BatchNorm ? "_bn" : "");
        return Build(name, architecture, options.Layers, preprocessing, source, weights.Read, notes);
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
