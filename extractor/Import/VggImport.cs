using Headstart.Models;
using Headstart.Preprocessing;
using Headstart.Safetensors;

namespace Headstart.Extraction.Import;

/// <summary>Builds a VGG base from weights that carry no graph.</summary>
internal static class VggImport
{
    public static ImportedModel FromSafetensors(ImportOptions options, ImagePreprocessing preprocessing, WeightsSource source)
    {
        using var file = SafetensorsFile.Open(options.Weights);
        var shapes = file.Tensors.ToDictionary(t => t.Key, t => t.Value.Shape);
        var names = VggTensorNames.Find(options.Weights, shapes);
        var (architecture, notes) = VggRecognition.Choose(options, a => names.FitOf(a, shapes));
        var weights = new SafetensorsVgg(options.Weights, file, names, architecture);
        if (names.BatchNorm)
            notes.Add("Its batch norms are folded into the convolutions.");
        return Build(names.BatchNorm ? $"{architecture.Name}_bn" : architecture.Name, architecture, options.Layers, preprocessing, source,
            weights.Read, notes);
    }

    public static ImportedModel FromKeras(ImportOptions options, ImagePreprocessing preprocessing, WeightsSource source)
    {
        using var file = KerasHdf5.Open(options.Weights);
        var (architecture, notes) = VggRecognition.Choose(options, file.FitOf);
        return Build(architecture.Name, architecture, options.Layers, preprocessing, source, c => file.Read(architecture, c), notes);
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
        var (proto, modelLayers) =
            VggGraph.Build(architecture, layers.Count == 0 ? architecture.PoolNames : layers, preprocessing.Size, weights);
        foreach (var layer in modelLayers.Where(l => l.Shape.Height == 0))
        {
            throw CommandException.Usage(
                $"Images of {preprocessing.Size} x {preprocessing.Size} pixels are too small for {layer.Name}, of which nothing " +
                "would be left. Choose a larger size in --preset, or a shallower --layer.");
        }

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
