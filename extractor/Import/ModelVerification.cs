using Headstart.Models;

namespace Headstart.Extraction.Import;

/// <summary>How far one layer is from what the import recorded.</summary>
/// <param name="Name">The layer's name.</param>
/// <param name="Deviation">As a fraction of the layer's root mean square.</param>
internal sealed record VerifiedLayer(string Name, double Deviation);

/// <summary>Computes the fingerprint of a model anew and compares it with the one that the import left in the contract.</summary>
internal static class ModelVerification
{
    /// <param name="model">Its seal was checked when it was loaded.</param>
    /// <exception cref="CommandException">A layer computes something else; the message names it.</exception>
    public static IReadOnlyList<VerifiedLayer> Run(ModelFile model)
    {
        var contract = model.Contract;
        var origin = $"{contract.Weights.File} (sha256 {contract.Weights.Sha256})";
        if (contract.Prediction is not null)
            throw new CommandException($"{model.Path} is whole, and an exported model: 'trainer export' compared it with the trainer " +
                "before it was written. What a model computes is recorded of bases only.");
        if (contract.Fingerprint is not { Count: > 0 } recorded || contract.Seal is null)
            throw new CommandException(
                $"{model.Path} carries no record of what it computes, so it can't be verified. Import {origin} again.");
        var tolerance = Tolerance(contract.Precision);
        var computed = ModelImport.Fingerprint(model.Proto, contract, model.Path).ToDictionary(f => f.Layer);
        var verified = new List<VerifiedLayer>();
        foreach (var layer in recorded)
        {
            if (!computed.TryGetValue(layer.Layer, out var now))
                throw new CommandException(
                    $"{model.Path} records what layer {layer.Layer} computes, but has no such layer. Import {origin} again.");
            var deviation = layer.DeviationOf(now);
            if (deviation > tolerance)
            {
                throw new CommandException($"{model.Path}: layer {layer.Layer} computes other values than at its import (root mean " +
                    $"square {now.Rms:G4}, recorded {layer.Rms:G4}; " +
                    $"deviation {deviation:P1}, {tolerance:P1} allowed). Its weights were swapped, or this machine computes wrongly. " +
                    $"Import {origin} again.");
            }

            verified.Add(new VerifiedLayer(layer.Layer, deviation));
        }

        return verified;
    }

    // Far above what processors differ in, TensorFloat-32 included, and far below what other weights would give.
    private static double Tolerance(string precision) => precision == "float32" ? 0.005 : 0.02;
}
