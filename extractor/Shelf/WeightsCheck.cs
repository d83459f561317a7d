using System.Globalization;
using Headstart.Extraction.Import;

namespace Headstart.Extraction.Shelf;

/// <summary>Weights that are here, to be judged.</summary>
/// <param name="From">The address or file that they came from.</param>
/// <param name="IsWhole">False for the tensors of the base alone.</param>
/// <param name="Digests">Of the file as it is here.</param>
/// <param name="Tensors">The SHA-256 of each tensor of the base; null for files of another format.</param>
internal sealed record CandidateWeights(string From, bool IsWhole, FileDigests Digests, IReadOnlyDictionary<string, string>? Tensors);

/// <param name="Mismatch">A clause that says why these are not the weights; null where nothing speaks against them.</param>
/// <param name="Sentences">What was checked, and what could not be.</param>
/// <param name="Record">To be kept for later fetches.</param>
internal sealed record WeightsVerdict(string? Mismatch, IReadOnlyList<string> Sentences, FetchRecord? Record);

/// <summary>Compares weights with what their source publishes, and where it publishes nothing, with what the first fetch brought.</summary>
internal static class WeightsCheck
{
    /// <param name="record">Of an earlier fetch, if there was one.</param>
    /// <param name="recordPath">For messages.</param>
    public static WeightsVerdict Judge(
        ShelfModel model, CandidateWeights weights, FetchRecord? record, string recordPath, DateTimeOffset now) =>
        weights.IsWhole && model.Checksum is { } published
            ? JudgeByPublished(model, weights, published, record, now)
            : JudgeByRecord(model, weights, record, recordPath, now);

    private static WeightsVerdict JudgeByPublished(
        ShelfModel model, CandidateWeights weights, PublishedChecksum published, FetchRecord? record, DateTimeOffset now)
    {
        var name = published.Name;
        var found = published.Of(weights.Digests);
        if (found != published.Digest)
            return new WeightsVerdict($"its {name} is {found}, but {published.Source} publishes {published.Digest}", [], null);
        var sentences = new List<string> { $"Checked: its {name} is the one that is published, {published.Digest} ({published.Source})." };
        if (record is { IsChecked: false } && Difference(weights, record) is { } difference)
        {
            sentences.Add($"What was fetched from {record.From} on {Day(record)} was something else ({difference}): the published " +
                "checksum decides. " +
                "Make models from that fetch again.");
        }

        return new WeightsVerdict(null, sentences, Recorded(model, weights, now, isChecked: true));
    }

    private static WeightsVerdict JudgeByRecord(
        ShelfModel model, CandidateWeights weights, FetchRecord? record, string recordPath, DateTimeOffset now)
    {
        var what = weights.IsWhole ? "its SHA-256" : $"the SHA-256 of each of its {weights.Tensors!.Count} tensors";
        var sentences = new List<string>();
        if (!weights.IsWhole && model.Checksum is { } published)
            sentences.Add($"The checksum that is published ({published.Source}) is of the whole file, so it can't be checked with the " +
                "base's tensors alone; --whole does.");
        else
            sentences.Add("Nothing is published that it could be checked against.");
        if (record is null || !IsComparable(weights, record))
        {
            sentences.Add($"This is the first fetch: {what} is recorded in {recordPath}, and later fetches are compared with it.");
            return new WeightsVerdict(null, sentences, Recorded(model, weights, now, isChecked: false));
        }

        if (Difference(weights, record) is { } difference)
        {
            return new WeightsVerdict(
                $"{difference} than what was recorded on {Day(record)} from {record.From} ({recordPath}; delete that file if you trust " +
                "the new weights more)", [], null);
        }

        sentences.Add($"Checked: {what} is the same as " + (record.IsChecked
            ? $"in the whole file of {Day(record)}, which had the published checksum."
            : $"at the first fetch, on {Day(record)} from {record.From}."));
        return new WeightsVerdict(null, sentences, record with
        {
            Sha256 = record.Sha256 ?? (weights.IsWhole ? weights.Digests.Sha256 : null),
            Tensors = record.Tensors ?? weights.Tensors,
            BaseSha256 = record.BaseSha256 ?? (weights.IsWhole ? null : weights.Digests.Sha256),
        });
    }

    private static bool IsComparable(CandidateWeights weights, FetchRecord record) =>
        (weights.IsWhole && record.Sha256 is not null) || (weights.Tensors is not null && record.Tensors is not null);

    /// <returns>A clause such as "tensor 'features.0.weight' has another SHA-256"; null where all is the same.</returns>
    private static string? Difference(CandidateWeights weights, FetchRecord record)
    {
        if (weights.Tensors is { } tensors && record.Tensors is { } recorded)
        {
            var other = tensors.Keys.Union(recorded.Keys).Order(StringComparer.Ordinal)
                .FirstOrDefault(name => tensors.GetValueOrDefault(name) != recorded.GetValueOrDefault(name));
            if (other is not null)
                return $"tensor '{other}' has another SHA-256";
        }

        return weights.IsWhole && record.Sha256 is { } sha256 && sha256 != weights.Digests.Sha256 ? "it has another SHA-256" : null;
    }

    private static FetchRecord Recorded(ShelfModel model, CandidateWeights weights, DateTimeOffset now, bool isChecked) =>
        new(model.Addresses[0], weights.From, now, isChecked, weights.IsWhole ? weights.Digests.Sha256 : null, weights.Tensors,
            weights.IsWhole ? null : weights.Digests.Sha256);

    private static string Day(FetchRecord record) => record.RecordedAt.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
}
