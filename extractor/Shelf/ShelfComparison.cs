using Headstart.Models;

namespace Headstart.Extraction.Shelf;

/// <summary>What the shelf says about the weights that a model was made of.</summary>
/// <param name="Model">The shelf's name for them; null for weights that it does not have.</param>
/// <param name="IsChecked">Whether there was a checksum to compare with, and it was the same.</param>
/// <param name="Sentence">What was checked, or why it could not be.</param>
internal sealed record ShelfComparison(string? Model, bool IsChecked, string Sentence)
{
    /// <summary>
    /// Compares the checksum that the import left in the contract with the published one, or else with the one that the first fetch
    /// recorded on this machine.
    /// </summary>
    /// <param name="path">The model file, for messages.</param>
    /// <exception cref="CommandException">They differ, or these weights want other preprocessing than the model prescribes.</exception>
    public static ShelfComparison Of(ModelContract contract, string path, ModelShelf shelf, ShelfFolder folder)
    {
        var weights = contract.Weights;
        if (shelf.Models.FirstOrDefault(m => IsOf(weights, m)) is not { } model)
            return new ShelfComparison(null, false, $"The shelf has no {weights.File}: there is nothing to compare its checksum with.");
        if (model.Preset != contract.Preprocessing.Preset)
        {
            throw new CommandException($"{path} prescribes the preprocessing '{contract.Preprocessing.Preset}', but {weights.File} wants " +
                $"'{model.Preset}' ({model.Name} of the shelf). " +
                $"Import the file again with --preset {model.Preset}.");
        }

        var isWhole = weights.File != ShelfFolder.BaseName(model);
        if (isWhole && model.Checksum is { } published && Digest(weights, published) is { } found)
        {
            return found == published.Digest
                ? new ShelfComparison(
                    model.Name, true, $"The {published.Name} of {weights.File} is the published one ({published.Source}).")
                : throw Differs($"{published.Source} publishes", published.Name, published.Digest, found);
        }

        var record = FetchRecord.Read(folder.Record(model), model);
        if ((isWhole ? record?.Sha256 : record?.BaseSha256) is { } recorded)
        {
            return recorded == weights.Sha256
                ? new ShelfComparison(
                    model.Name, true, $"The SHA-256 of {weights.File} is the one that the first fetch recorded ({folder.Record(model)}).")
                : throw Differs($"{folder.Record(model)} records", "SHA-256", recorded, weights.Sha256);
        }

        return new ShelfComparison(model.Name, false, $"{weights.File} is {model.Name} of the shelf, but nothing is published or " +
            "recorded on this machine to compare its checksum with.");

        CommandException Differs(string source, string name, string expected, string found) => new(
            $"{path} was made of a {weights.File} with the {name} {found}, but {source} {expected}: those are other weights, or damaged " +
            "ones. " +
            $"Make it again with 'extractor model fetch {model.Name} --out {path}'.");
    }

    // By name, so that a damaged file is recognised too, or by what is in it, so that a renamed one is.
    private static bool IsOf(WeightsSource weights, ShelfModel model) =>
        weights.File == model.File || weights.File == ShelfFolder.BaseName(model) ||
        (model.Checksum is { } published && Digest(weights, published) == published.Digest);

    private static string? Digest(WeightsSource weights, PublishedChecksum published) =>
        published.Algorithm == ChecksumAlgorithm.Md5 ? weights.Md5 : weights.Sha256;
}
