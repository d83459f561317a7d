namespace Headstart.Trainer.Audit;

/// <summary>What <c>trainer audit --json</c> prints.</summary>
/// <param name="Images">All plain images of the cache.</param>
/// <param name="LikelyWrongLabels">Null where labels could not be judged.</param>
/// <param name="LabelAgreement">Share of labels that out-of-fold predictions confirm; null likewise.</param>
/// <param name="ExactDuplicates">Images that are there already, byte for byte.</param>
/// <param name="NearDuplicates">Pairs.</param>
/// <param name="NearThreshold">From which similarity on.</param>
/// <param name="DuplicatesAcrossSplits">Pairs, exact and near.</param>
/// <param name="DuplicatesWithTwoLabels">Pairs, exact and near.</param>
/// <param name="Confused">All confusions, the most frequent first.</param>
/// <param name="Out">Folder of the tables.</param>
internal sealed record AuditSummary(
    int Images, IReadOnlyList<string> Classes, int? LikelyWrongLabels, double? LabelAgreement, int ExactDuplicates, int NearDuplicates,
    double NearThreshold,
    int DuplicatesAcrossSplits, int DuplicatesWithTwoLabels, int Outliers, int Unreadable, int Tiny, IReadOnlyList<ClassConfusion> Confused,
    string Out,
    double Seconds, long PeakMemoryBytes)
{
    public static AuditSummary Of(DataAudit audit, string folder, double seconds) => new(
        audit.Images,
        audit.Classes,
        audit.Labels?.LikelyWrong.Count(),
        audit.Labels?.Agreement,
        audit.Duplicates.Exact,
        audit.Duplicates.Near,
        audit.Near.Threshold,
        audit.Duplicates.Pairs.Count(p => p.CrossesSplits),
        audit.Duplicates.Pairs.Count(p => p.HasTwoLabels),
        audit.Outliers.Count(o => o.IsOutlier),
        audit.Problems.Count(p => p.Problem == ImageProblem.Unreadable),
        audit.Problems.Count(p => p.Problem == ImageProblem.Tiny),
        [.. audit.Labels?.Confused.Select(c => new ClassConfusion(c.Label, c.Predicted, c.Images)) ?? []],
        folder,
        seconds,
        PeakMemory.Bytes());
}

/// <summary>How many images of one class look like another.</summary>
internal sealed record ClassConfusion(string Label, string Predicted, int Images);
