using Headstart.Models;
using Headstart.Models.Onnx;
using Headstart.Preprocessing;

namespace Headstart.Extraction.Import;

/// <summary>Rebuilds a VGG found in an ONNX graph under Keras' names, so that it is the same file whatever the weights came in.</summary>
internal static class OnnxVggImport
{
    /// <summary>
    /// A graph counts as a VGG where its outputs are layers of one, or where it has all five blocks (a classifier may follow), and where
    /// the rebuilt network computes what the file does, at the size that the file takes.
    /// </summary>
    /// <param name="model">Left as it is. Its weights are initialisers.</param>
    /// <param name="preset">As the user chose it.</param>
    /// <param name="notes">What the user should hear is added, also where the result is null.</param>
    /// <returns>
    /// Null where the graph is another network, or a layer of it is asked for by a name of its own: then it is imported as it is.
    /// </returns>
    /// <exception cref="CommandException">The user named an architecture, and the graph is not that; the message says where it
    /// differs.</exception>
    public static ImportedModel? From(
        ImportOptions options, ModelProto model, ImagePreprocessing preset, WeightsSource source, List<string> notes)
    {
        var vgg = OnnxVgg.Walk(model);
        var outputs = model.Graph.Output.Select(o => o.Name).ToArray();
        if (options.Architecture is { } asked)
        {
            var architecture = VggArchitecture.Named(asked);
            foreach (var layer in options.Layers)
                architecture.ConvolutionsUpTo(layer); // Throws where there is no such layer.
            if (!Reaches(architecture) || !(IsOne(architecture) || vgg.Rest.All(n => n.OpType != "Conv")))
                throw NotThat(options, vgg, asked, VggArchitecture.All.Where(a => vgg.ConvolutionsOf(a) is { Count: > 0 } && IsOne(a)));
            return Rebuild(architecture);
        }

        return VggArchitecture.All.Where(a => options.Layers.All(a.LayerNames.Contains) && Reaches(a) && IsOne(a)).ToArray() is [var only]
            ? Rebuild(only)
            : null;

        bool Reaches(VggArchitecture a) =>
            vgg.ConvolutionsOf(a) is { Count: > 0 } has && Layers(a) is { Count: > 0 } layers
                && layers.All(l => a.ConvolutionsUpTo(l).All(has.Contains));

        bool IsOne(VggArchitecture a) => vgg.ClosedBlocks == a.Blocks.Count || outputs.All(o => vgg.LayerOf(o) is not null);

        // A graph is complete as it is: without names, what it closes and what it gives is meant.
        List<string> Layers(VggArchitecture a) => options.Layers.Count > 0
            ? [.. options.Layers]
            : [.. a.LayerNames.Where(
                (name, _) => a.PoolNames.Take(vgg.ClosedBlocks).Contains(name) || outputs.Any(o => vgg.LayerOf(o) == name))];

        ImportedModel? Rebuild(VggArchitecture architecture)
        {
            // What the file itself computes, fed as it wants to be.
            var layers = Layers(architecture);
            var original = OnnxGraph.CutTo(model, [.. layers.Select(vgg.TensorOf)]);
            var (preprocessing, _, inputNotes) = InputNormalisation.Apply(original, options.Weights, preset, options.PresetIsNamed);
            var name = vgg.HasBatchNorm ? $"{architecture.Name}_bn" : architecture.Name;
            var rebuilt = VggImport.Build(name, architecture, layers, preprocessing, source, vgg.Read, []);
            var (layer, difference) =
                GraphComparison.Run(original, rebuilt.Proto, options.Weights, [.. layers.Select(l => (vgg.TensorOf(l), l))], preprocessing);
            if (difference > GraphComparison.Tolerance)
            {
                var sentence = $"The graph looks like {architecture.Name}, but its {layer} computes something else";
                if (options.Architecture is not null)
                    throw new CommandException($"{options.Weights}: {char.ToLowerInvariant(sentence[0])}{sentence[1..]}. Without --arch " +
                        $"it is imported as the network that it is.");
                notes.Add($"{sentence}: it is imported as it is.");
                return null;
            }

            if (options.Architecture is null)
                notes.Add($"The graph is that of {architecture.Name}: its layers have Keras' names now.");
            if (vgg.HasBatchNorm)
                notes.Add("Its batch norms are folded into the convolutions.");

            // The first is about the size; the others about nodes in front of a graph that isn't kept.
            notes.AddRange(inputNotes.Take(preprocessing.Size == preset.Size ? 0 : 1));
            if (outputs.Where(o => vgg.LayerOf(o) is null).ToArray() is [var lost, ..] all)
                notes.Add($"What follows is left out, with the {(all.Length == 1 ? "output" : "outputs")} {string.Join(", ", all)}; " +
                    $"--layer {lost} imports the graph as it is.");
            return rebuilt with { Notes = notes };
        }
    }

    private static CommandException NotThat(ImportOptions options, OnnxVgg vgg, string asked, IEnumerable<VggArchitecture> others)
    {
        var down = options.Layers.Count > 0 ? $" down to {options.Layers[^1]}" : "";
        return others.ToArray() is [var other]
            ? CommandException.Usage(
                $"{options.Weights} is not a {asked}{down}: its convolutions by block are {vgg.Blocks}, as those of {other.Name}. " +
                $"Pass --arch {other.Name}, or leave --arch out.")
            : new CommandException($"{options.Weights} is not a {asked}{down}: " +
                $"{(vgg.Blocks.Length > 0 ? $"its convolutions by block are {vgg.Blocks}, and " : "")}{vgg.End}. " +
                "Without --arch it is imported as the network that it is.");
    }
}
