using System.Globalization;
using CsvHelper;

namespace Headstart.Trainer.Audit;

/// <summary>The findings as CSV files; docs/AUDIT.md describes the columns.</summary>
internal static class AuditTables
{
    public const string Labels = "labels.csv";
    public const string Confusions = "confusions.csv";
    public const string Duplicates = "duplicates.csv";
    public const string Outliers = "outliers.csv";
    public const string Images = "images.csv";

    /// <summary>Writes all five, each whole or not at all; one without findings has its head alone.</summary>
    /// <exception cref="CommandException">A file can't be written.</exception>
    public static void Write(string folder, DataAudit audit)
    {
        Table(
            folder, Labels, ["path", "split", "label", "suggested", "label_probability", "suggested_probability", "margin", "likely_wrong"],
            audit.Labels?.Ranked.Select(l => Cells(l.Image.Path, l.Image.Split, l.Image.Label, l.Suggested, l.OwnProbability,
                l.SuggestedProbability, l.Margin, l.LikelyWrong)) ?? []);
        Table(folder, Confusions, ["label", "predicted", "images", "images_of_label"],
            audit.Labels?.Confused.Select(c => Cells(c.Label, c.Predicted, c.Images, c.OfClass)) ?? []);
        Table(folder, Duplicates,
            ["group", "kind", "similarity", "path", "label", "split", "other_path", "other_label", "other_split", "across_splits",
                "labels_differ"],
            audit.Duplicates.Pairs.Select(
                p => Cells(p.Group, p.IsExact ? "exact" : "near", p.Similarity ?? 1, p.Image.Path, p.Image.Label, p.Image.Split,
                p.Other.Path, p.Other.Label, p.Other.Split, p.CrossesSplits, p.HasTwoLabels)));
        Table(folder, Outliers, ["path", "split", "label", "distance", "score", "outlier"],
            audit.Outliers.Select(o => Cells(o.Image.Path, o.Image.Split, o.Image.Label, o.Distance, o.Score, o.IsOutlier)));
        Table(folder, Images, ["path", "problem", "detail"], audit.Problems.Select(p => Cells(p.Path, p.Problem, p.Detail)));
    }

    /// <summary>One CSV, in UTF-8.</summary>
    internal static void Table(string folder, string name, string[] head, IEnumerable<string?[]> rows) =>
        AtomicFile.Write(Path.Combine(folder, name), stream =>
        {
            using var csv = new CsvWriter(new StreamWriter(stream, leaveOpen: true), CultureInfo.InvariantCulture);
            foreach (var row in rows.Prepend(head))
            {
                foreach (var cell in row)
                    csv.WriteField(cell);
                csv.NextRecord();
            }
        });

    private static string?[] Cells(params object?[] values) => [.. values.Select(v => v switch
    {
        double number => number.ToString("0.######", CultureInfo.InvariantCulture),
        bool yes => yes ? "true" : "false",
        _ => Convert.ToString(v, CultureInfo.InvariantCulture),
    })];
}
