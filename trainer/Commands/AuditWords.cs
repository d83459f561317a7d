using System.Globalization;
using Headstart.CommandLine;
using Headstart.Trainer.Audit;

namespace Headstart.Trainer.Commands;

/// <summary>What <c>trainer audit</c> tells a person, in lines of at most 80 columns (names and paths apart).</summary>
internal sealed class AuditWords(TextWriter output)
{
    private const int MostConfusions = 3;
    private const int NameWidth = 19;

    /// <param name="cacheFolder">That was audited.</param>
    /// <param name="outFolder">Where the findings lie.</param>
    /// <param name="notes">What else the user should know.</param>
    public void Write(string cacheFolder, string outFolder, DataAudit audit, double seconds, IReadOnlyList<string> notes)
    {
        var (pairs, problems) = (audit.Duplicates.Pairs, audit.Problems);
        Line($"{cacheFolder}: {audit.Images:N0} images, {audit.Classes.Count} classes, audited in {seconds:0.0} s");
        if (audit.Labels is { } labels)
            Found(labels.LikelyWrong.Count(), "likely wrong labels", AuditTables.Labels);
        Found(audit.Duplicates.Exact, "exact duplicates", AuditTables.Duplicates);
        Found(audit.Duplicates.Near, "near duplicates", AuditTables.Duplicates);
        Found(audit.Outliers.Count(o => o.IsOutlier), "outliers", AuditTables.Outliers);
        Found(problems.Count(p => p.Problem == ImageProblem.Unreadable), "unreadable images", AuditTables.Images);
        Found(problems.Count(p => p.Problem == ImageProblem.Tiny), "tiny images", AuditTables.Images);
        foreach (var (label, predicted, images, ofClass) in audit.Labels?.Confused.Take(MostConfusions) ?? [])
            Line($"  {Cut(label)} taken for {Cut(predicted)}: {images:N0} of {ofClass:N0}");
        if (pairs.Count(p => p.CrossesSplits) is > 0 and var leaks)
            WrappedText.Write(
                output, "warning: ", Text($"{leaks:N0} of {pairs.Count:N0} duplicate pairs lie in different splits: ") +
                    "figures on these images flatter. Remove one of each pair.");
        if (pairs.Count(p => p.HasTwoLabels) is > 0 and var conflicts)
            WrappedText.Write(
                output, "warning: ", Text($"{conflicts:N0} of {pairs.Count:N0} duplicate pairs have two labels: one of them is wrong."));
        foreach (var note in notes)
            WrappedText.Write(output, "note: ", note);
        Line("");
        Line($"In {outFolder}: {AuditPage.FileName} and the tables named above.");
        WrappedText.Write(output, "Next: ", $"open {Path.Combine(outFolder, AuditPage.FileName)}, mend what is wrong, extract again, then");
        Line($"  trainer train {ShellWord.Quote(cacheFolder)} --out RUN");
    }

    private void Found(int count, string what, string table) => Line($"  {count,7:N0}  {what,-20}  {table}");

    private static string Cut(string name) => name.Length <= NameWidth ? name : name[..(NameWidth - 1)] + "~";

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private void Line(FormattableString text) => output.WriteLine(Text(text).TrimEnd());

    private void Line(string text) => output.WriteLine(text);
}
