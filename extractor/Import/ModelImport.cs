using System.Security.Cryptography;
using Headstart.CommandLine;
using Headstart.Models;

namespace Headstart.Extraction.Import;

/// <summary>From a weight file to a model in memory, whatever the weights' format.</summary>
internal static class ModelImport
{
    /// <summary>Reads the weights, builds or adapts the graph, and runs it once. Writes nothing.</summary>
    /// <exception cref="CommandException">Any reason why these weights don't make a model.</exception>
    public static ImportedModel Run(ImportOptions options)
    {
        options.Validate();
        var preset = options.ResolvePreset();
        var format = WeightsFormats.Of(options.Weights);
        var source = new WeightsSource(Path.GetFileName(options.Weights), Checksum(options.Weights));
        var model = format switch
        {
            WeightsFormat.Safetensors => VggImport.FromSafetensors(options, preset, source),
            WeightsFormat.Onnx => OnnxImport.From(options, preset, source),
            _ => VggImport.FromKeras(options, preset, source),
        };
        Prove(model, options);
        return model;
    }

    /// <summary>What is about to be written must load, and give the layers that its contract promises.</summary>
    private static void Prove(ImportedModel model, ImportOptions options)
    {
        var contract = model.Contract;
        using var probe = GraphProbe.Open(model.Proto, options.Weights);
        var image = SyntheticInput.Create(contract.Preprocessing, seed: 0);
        var outputs = probe.Run([.. Enumerable.Repeat(image, contract.FixedBatch ?? 1)], contract.Preprocessing.Size);
        foreach (var layer in contract.Layers)
        {
            var output = outputs[layer.Name];
            if (output.Values.Length != layer.Shape.Length * (contract.FixedBatch ?? 1))
                throw new CommandException($"{options.Weights}: layer {layer.Name} should be {layer.Shape}, but ONNX Runtime computes [{string.Join(", ", output.Shape)}].");
            if (!output.Values.All(float.IsFinite))
                throw new CommandException($"{options.Weights}: layer {layer.Name} gives values that are not finite. The weights are damaged, or --preset is wrong.");
        }
    }

    private static string Checksum(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            return Convert.ToHexStringLower(SHA256.HashData(stream));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"Can't read {path}: {e.Message}", cause: e);
        }
    }
}
