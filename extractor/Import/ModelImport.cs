using System.Numerics.Tensors;
using Headstart.Models;
using Headstart.Models.Onnx;

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
        var digests = FileDigests.OfFile(options.Weights);
        var source = new WeightsSource(Path.GetFileName(options.Weights), digests.Sha256, Md5: digests.Md5);
        var model = format switch
        {
            WeightsFormat.Safetensors => VggImport.FromSafetensors(options, preset, source),
            WeightsFormat.Onnx => OnnxImport.From(options, preset, source),
            _ => VggImport.FromKeras(options, preset, source),
        };
        if (options.Precision == WeightPrecision.Float16)
            model = Halve(model, options.Weights);
        return model with { Contract = model.Contract with { Fingerprint = Fingerprint(model.Proto, model.Contract, options.Weights) } };
    }

    private static ImportedModel Halve(ImportedModel model, string path)
    {
        var stored = Float16Weights.Store(model.Proto.Graph);
        if (stored == 0 && model.Contract.Precision != Float16Weights.Precision)
            throw new CommandException($"{path} has no kernels that float16 can hold. Leave --precision float16 out.");
        var contract =
            model.Contract with { Precision = Float16Weights.Precision, Name = $"{model.Contract.Name}-{Float16Weights.Precision}" };
        return model with
        {
            Contract = contract,
            Notes = [.. model.Notes, $"{stored} kernels are stored as float16; the arithmetic stays float32."],
        };
    }

    /// <summary>Runs the graph on a fixed picture: it must load, and give the layers that its contract promises.</summary>
    /// <param name="proto">The graph.</param>
    /// <param name="contract">Its contract.</param>
    /// <param name="path">For messages.</param>
    /// <exception cref="CommandException">It can't be run, or gives other shapes or values that are not finite.</exception>
    public static IReadOnlyList<LayerFingerprint> Fingerprint(ModelProto proto, ModelContract contract, string path)
    {
        using var probe = GraphProbe.Open(proto, path);
        var image = SyntheticInput.Create(contract.Preprocessing, seed: 0);
        var outputs = probe.Run([.. Enumerable.Repeat(image, contract.FixedBatch ?? 1)], contract.Preprocessing.Size);
        var fingerprints = new List<LayerFingerprint>();
        foreach (var layer in contract.Layers)
        {
            if (!outputs.TryGetValue(layer.Name, out var output) || output.Values.Length != layer.Shape.Length * (contract.FixedBatch ?? 1))
            {
                throw new CommandException($"{path}: layer {layer.Name} should be {layer.Shape}, but ONNX Runtime computes " +
                    $"{(output is null ? "nothing of that name" : $"[{string.Join(", ", output.Shape)}]")}.");
            }

            var values = output.Values.AsSpan(0, layer.Shape.Length);
            if (!TensorPrimitives.IsFiniteAll<float>(values))
                throw new CommandException(
                    $"{path}: layer {layer.Name} gives values that are not finite. The weights are damaged, or --preset is wrong.");
            fingerprints.Add(LayerFingerprint.Of(layer.Name, values));
        }

        return fingerprints;
    }
}
