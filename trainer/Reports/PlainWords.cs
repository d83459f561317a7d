using System.Globalization;
using Headstart.Trainer.Evaluation;

namespace Headstart.Trainer.Reports;

/// <summary>The figures of a head as it was trained, where they differ from those of the model that ships: for summaries and pages
/// alike.</summary>
internal static class PlainWords
{
    /// <returns><c>accuracy 0.9950, loss 0.0512 (temperature 1, threshold 0.5)</c>; null where all digits that are shown are the
    /// same.</returns>
    public static string? Of(EvaluationReport? report)
    {
        if (report?.Plain is not { } plain)
            return null;
        (string Name, double? Plain, double? Shipped)[] figures =
        [
            ("accuracy", plain.Accuracy, report.Accuracy), ("loss", plain.Loss, report.Loss), ("AUC", plain.Auc, report.Auc),
            ("calibration error", plain.Ece, report.Ece),
        ];
        var different = figures.Where(f => Show(f.Plain) != Show(f.Shipped)).Select(f => $"{f.Name} {Show(f.Plain)}").ToList();
        return different.Count == 0
            ? null
            : $"{string.Join(", ", different)} (temperature 1{(report.Threshold is null ? "" : ", threshold 0.5")})";
    }

    private static string Show(double? figure) => figure?.ToString("0.0000", CultureInfo.InvariantCulture) ?? "-";
}
