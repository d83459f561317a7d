using System.Globalization;
using Headstart.CommandLine;
using Headstart.Trainer.Evaluation;
using Headstart.Trainer.Reports;
using Headstart.Trainer.Runs;

namespace Headstart.Trainer.Commands;

/// <summary>What <c>trainer evaluate</c> tells a person, in lines of at most 80 columns (names and paths apart).</summary>
internal sealed class EvaluateWords(TextWriter output)
{
    // More classes than this fill no terminal with sense; --json has all of them.
    private const int MostClasses = 12;
    private const int MostConfusions = 3;
    private const int NameWidth = 19;

    public void Write(string folder, RunFile run, EvaluationReport report, JudgedRows judged)
    {
        var intervals = report.Intervals;
        var images = report.Rows == 1 ? "image" : "images";
        Line($"{report.Split} accuracy {Show(report.Accuracy, intervals.Accuracy)}, {report.Rows:N0} {images}");
        Line($"  loss {Show(report.Loss, intervals.Loss)}, AUC {Show(report.Auc, intervals.Auc)}");
        Line($"  average precision {Show(report.AveragePrecision, intervals.AveragePrecision)}");
        Line($"  calibration error {Show(report.Ece, intervals.Ece)}");
        if (PlainWords.Of(report) is { } plain)
            WrappedText.Write(output, "  plain: ", plain);
        Line($"  in brackets: 95 % intervals");
        if (WithoutInterval(report) is { Count: > 0 } without)
            WrappedText.Write(
                output, "  ", $"no interval for {string.Join(", ", without)}: these rows say nothing of how far it could be off");
        Table(report);
        Confusions(report);
        Line("");
        WrappedText.Write(output, "", $"{Capital(judged.How)}, by the head in {folder} ({HowDecided(report)}).");
        foreach (var note in judged.Notes)
            WrappedText.Write(output, "note: ", note);
        if (run.Result.Interrupted)
            WrappedText.Write(output, "note: ", $"The run was interrupted after epoch {run.Result.Epochs}.");
        if (report.Note is { } modelNote)
            WrappedText.Write(output, "note: ", modelNote);
        var model = run.Tuning is { } tuning ? ShellWord.Quote(tuning.Arguments.Model) : "MODEL.onnx";
        Line($"Next: trainer export {ShellWord.Quote(folder)} --model {model} --out CLASSIFIER.onnx");

        // A cache names its base, but not where the file lies: it may have been extracted on another machine.
        if (run.Tuning is null)
            WrappedText.Write(output, "      MODEL.onnx: ",
                $"the file of {run.Cache.Contract.Model} that made the cache, sha256 {run.Cache.Contract.ModelSha256[..16]}...");
    }

    private void Table(EvaluationReport report)
    {
        Line("");
        var width = Math.Clamp(report.Classes.Max(c => c.Length), "class".Length, NameWidth);
        Line($"{"class".PadRight(width)}   images  precision  recall                   F1      AUC");
        foreach (var figures in report.PerClass.Take(MostClasses))
        {
            var recall = Show(figures.Recall, figures.Intervals.Recall);
            var name = Cut(figures.Class).PadRight(width);
            var auc = Show(figures.Auc);
            Line($"{name}  {figures.Rows,7:N0}  {Show(figures.Precision),9}  {recall,-23}  {Show(figures.F1),6}  {auc,6}");
        }

        if (report.Classes.Count > MostClasses)
            Line($"... and {report.Classes.Count - MostClasses} more classes: --json has all of them");
        var macroRecall = Show(report.Macro.Recall, report.Intervals.MacroRecall);
        Line($"{"macro".PadRight(width)}  {"",7}  {Show(report.Macro.Precision),9}  {macroRecall,-23}  {Show(report.Macro.F1),6}");
    }

    private void Confusions(EvaluationReport report)
    {
        var mistakes = from t in Enumerable.Range(0, report.Classes.Count)
                       from d in Enumerable.Range(0, report.Classes.Count)
                       where t != d && report.Confusion[t][d] > 0
                       orderby report.Confusion[t][d] descending
                       select (True: report.Classes[t], Decided: report.Classes[d], Count: report.Confusion[t][d]);
        foreach (var (isTrue, decided, count) in mistakes.Take(MostConfusions))
            Line($"{count:N0} of {Cut(isTrue)} taken for {Cut(decided)}");
    }

    private static List<string> WithoutInterval(EvaluationReport report)
    {
        (string Name, double? Figure, Interval? Interval)[] all =
        [
            ("loss", report.Loss, report.Intervals.Loss), ("AUC", report.Auc, report.Intervals.Auc),
            ("average precision", report.AveragePrecision, report.Intervals.AveragePrecision),
            ("calibration error", report.Ece, report.Intervals.Ece),
            ("macro recall", report.Macro.Recall, report.Intervals.MacroRecall),
        ];
        return [.. all.Where(f => f.Figure is not null && f.Interval is null).Select(f => f.Name)];
    }

    private static string HowDecided(EvaluationReport report)
    {
        var temperature = Text($"temperature {report.Temperature:0.###}");
        var rule = report.ThresholdRule is { } text && text.Any(char.IsLetter) ? $" by rule {text}" : "";
        return report.Threshold is { } threshold
            ? Text($"{temperature}, {Cut(report.Classes[1])} above {threshold:0.####}{rule}")
            : temperature;
    }

    private static string Show(double? figure, Interval? interval) =>
        figure is null || interval is not { } found ? Show(figure) : Text($"{Show(figure)} ({found.Low:0.0000}-{found.High:0.0000})");

    private static string Show(double? figure) => figure is { } value ? Text($"{value:0.0000}") : "-";

    private static string Cut(string name) => name.Length <= NameWidth ? name : name[..(NameWidth - 1)] + "~";

    private static string Capital(string text) => char.ToUpperInvariant(text[0]) + text[1..];

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private void Line(FormattableString text) => output.WriteLine(Text(text).TrimEnd());

    private void Line(string text) => output.WriteLine(text);
}
