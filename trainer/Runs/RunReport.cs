using System.Globalization;
using Headstart.Trainer.Evaluation;
using Headstart.Trainer.Reports;
using Headstart.Trainer.Reports.Charts;
using Headstart.Trainer.Training;

namespace Headstart.Trainer.Runs;

/// <summary><c>report.html</c> of a run: the result first, then what it rests on, then how to get it again.</summary>
internal static class RunReport
{
    public const string FileName = "report.html";
    private const int WorstMistakes = 24;

    /// <param name="run">As <c>run.json</c> says.</param>
    /// <param name="epochs">All of them, as <c>metrics.jsonl</c> says.</param>
    /// <param name="images">What the model that ships says of the rows that validate.</param>
    /// <param name="figures">Of these predictions.</param>
    /// <param name="pictures">Where the pictures are, if anywhere.</param>
    /// <exception cref="CommandException">The file can't be written.</exception>
    public static void Write(
        string folder, RunFile run, IReadOnlyList<EpochRecord> epochs, JudgedImages images, EvaluationReport figures,
        Thumbnails pictures) =>
        AtomicFile.WriteText(
            Path.Combine(folder, FileName), ReportPage.Of(Title(run, figures), Body(run, epochs, images, figures, pictures)));

    private static string Title(RunFile run, EvaluationReport figures) =>
        string.Create(CultureInfo.InvariantCulture, $"{figures.Accuracy:0.0%} right on {run.Split.Val:N0} validation images");

    private static Html Body(
        RunFile run, IReadOnlyList<EpochRecord> epochs, JudgedImages images, EvaluationReport figures, Thumbnails pictures)
    {
        var result = run.Result;
        Html note = $"<p class=\"note\">{result.Note}</p>\n";
        return $"""
            <h1>{Title(run, figures)}</h1>
            <p class="soft">{Shorten(run.Classes)}; {run.Layer.Name} of {run.Cache.Contract.Model}; head {run.Head}; <time>{run.Started.UtcDateTime:yyyy-MM-dd HH:mm} UTC</time></p>
            {(result.Note is null ? new Html("") : note)}
            {ReportPage.Figures(Numbers(run.Result, figures))}
            {WhatShips(figures, run.Classes)}
            {ReportPage.Section("Training", Charts([TrainingCurves.Loss(epochs, result.SavedEpoch), TrainingCurves.Accuracy(epochs, result.SavedEpoch)]))}
            {ReportPage.Section("What is taken for what", Charts([ConfusionMatrix.Of(figures.Confusion, run.Classes), ReliabilityDiagram.Of(images)]))}
            {ReportPage.Section("Class by class", ReportPage.Table(["class", "images", "precision", "recall", "F1"], figures.PerClass.Select(Cells)))}
            {ReportPage.Section("Every threshold", Charts([RankingCurves.Roc(images), RankingCurves.PrecisionRecall(images)]))}
            {ReportPage.Section("Worst mistakes", Mistakes(run, images, pictures))}
            {ReportPage.Section("Options", ReportPage.Facts(Options(run)))}
            {ReportPage.Section("Where it comes from", ReportPage.Facts(Lineage(run)))}
            {ReportPage.Section("The same again", $"<pre>{run.Command}</pre>")}
            """;
    }

    private static IEnumerable<(string, string)> Numbers(RunResult result, EvaluationReport figures)
    {
        yield return ("accuracy", WithInterval(figures.Accuracy, figures.Intervals.Accuracy));
        yield return ("loss", WithInterval(figures.Loss, figures.Intervals.Loss));
        if (figures.Auc is { } auc)
            yield return ("ROC AUC", WithInterval(auc, figures.Intervals.Auc));
        if (figures.AveragePrecision is { } precision)
            yield return ("average precision", WithInterval(precision, figures.Intervals.AveragePrecision));
        yield return ("expected calibration error", WithInterval(figures.Ece, figures.Intervals.Ece));
        if (figures.Temperature is { } temperature)
            yield return ("temperature", Number(temperature, "0.000"));
        if (figures.Threshold is { } threshold)
            yield return ("threshold", Number(threshold, "0.####"));
        yield return ("training accuracy, plain", Number(result.Train.Accuracy, "0.0000"));
        yield return ("saved epoch", $"{result.SavedEpoch} of {result.Epochs}");
    }

    // The page, the summaries, evaluate and the exported file say the same: what else is shown is named.
    private static Html WhatShips(EvaluationReport figures, IReadOnlyList<string> classes)
    {
        var decided = figures.Threshold is { } threshold
            ? $"{classes[1]} where its probability is above " +
                $"{Number(threshold, "0.####")}{(figures.ThresholdRule is { } rule && rule.Any(char.IsLetter) ? $" (by rule {rule})" : "")}"
            : "the most probable class";
        Html plain = $"<p id=\"plain\"><b>Plain</b>, as the head was trained: {PlainWords.Of(figures)}.</p>\n";
        return $"""
            <p>This is the model that ships: logits divided by the temperature, and then decided for {decided}.
            Everything on this page is of it, but for the curves of the training, which are plain.</p>
            {(PlainWords.Of(figures) is null ? new Html("") : plain)}
            """;
    }

    private static string WithInterval(double value, Interval? interval) =>
        Number(value, "0.0000") + (interval is { } of ? $" ({Number(of.Low, "0.00")}\u2013{Number(of.High, "0.00")})" : "");

    private static string[] Cells(ClassFigures of) =>
        [of.Class, Number(of.Rows, "N0"), Show(of.Precision, of.Intervals.Precision), Show(of.Recall, of.Intervals.Recall), Show(
            of.F1, of.Intervals.F1)];

    private static string Show(double? value, Interval? interval) => value is { } known ? WithInterval(known, interval) : "\u2013";

    private static Html Charts(IEnumerable<Html> charts) => $"<div class=\"charts\">{charts}</div>\n";

    private static Html Mistakes(RunFile run, JudgedImages images, Thumbnails pictures)
    {
        var worst = images.Worst().Take(WorstMistakes).ToArray();
        if (worst.Length == 0)
            return $"<p>None of {images.Count:N0}.</p>\n";
        var wrong = images.Predictions.Threshold is { } threshold ? $"Wrong at the {OperatingPoint.Name(threshold)}; those" : "Those";
        Html order = $"<p>{wrong} first whose true class seemed least probable.</p>\n";
        var shown = worst.Select(row => (Row: row, Address: pictures.AddressOf(images.Paths[row]))).ToArray();
        if (shown.All(s => s.Address is null))
        {
            var way = run.Tuning is null
                ? "Train with --images DIR, the folder that was extracted, to see the pictures here."
                : "The pictures were not where the cache says they are.";
            Html hint = $"<p class=\"soft\">{way}</p>\n";
            var table = ReportPage.Table(
                ["image", "true", "predicted", "probability of the true class"], worst.Select(row => Words(images, row)));
            return $"{order}{hint}{table}";
        }

        return $"{order}<div class=\"pictures\">{shown.Select(s => Picture(s.Address, Words(images, s.Row)))}</div>\n";
    }

    private static string[] Words(JudgedImages images, int row)
    {
        var (truth, decided) = (images.Labels[row], images.Predictions.Decided[row]);
        return [images.Paths[row], images.Classes[truth], images.Classes[decided], Number(images.Probability(row, truth), "0.000")];
    }

    private static Html Picture(string? address, string[] words)
    {
        Html image = $"<img src=\"{new Html(address ?? "")}\" alt=\"{words[0]}\">";
        return $"<figure>{(address is null ? new Html("") : image)}<figcaption><b>{words[1]}</b>, taken for <b>{words[2]}</b> " +
            $"({words[3]} for the truth)<br>{words[0]}</figcaption></figure>\n";
    }

    private static IEnumerable<(string, string)> Options(RunFile run)
    {
        object? request = run.Tuning?.Arguments ?? (object?)run.Arguments;
        return request is null
            ? [("head", run.Head), ("layer", run.Layer.Name)]
            : Choices.Of(request).Select(c => (c.Option, CommandText.Value(c.Value)));
    }

    public static IEnumerable<(string, string)> Lineage(RunFile run)
    {
        var contract = run.Cache.Contract;
        yield return ("model", $"{contract.Model}, sha256 {contract.ModelSha256}");
        yield return ("layer", $"{run.Layer.Name} ({run.Layer.Shape})");
        yield return ("preprocessing", $"{contract.Preprocessing.Preset}, {contract.Preprocessing.Size} pixels");
        yield return ("precision", $"{contract.Precision}, extracted by {contract.Provider}");
        yield return ("cache", string.Create(CultureInfo.InvariantCulture, $"{run.Cache.Folder}, {run.Cache.Rows:N0} rows"));
        if (run.ValidationCache is { } validation)
            yield return (
                "validation cache", string.Create(CultureInfo.InvariantCulture, $"{validation.Folder}, {validation.Rows:N0} rows"));
        yield return ("split",
            string.Create(CultureInfo.InvariantCulture, $"{run.Split.Train:N0} to train, {run.Split.Val:N0} to validate, {run.Split.How}"));
        if (run.Tuning is { } tuning)
        {
            var result = run.Result;
            yield return ("tuned",
                $"after {tuning.UnfrozenFrom ?? "the image"}, from {(tuning.Prefix is { } prefix ? $"cached {prefix}" : "the pictures")}");
            yield return ("begun with", tuning.From);
            if (result.Before is { } before)
                yield return ("before tuning", $"accuracy {Number(before.Accuracy, "0.0000")}, loss {Number(before.Loss, "0.0000")}");
        }

        yield return ("parameters", string.Create(CultureInfo.InvariantCulture, $"{run.Result.Parameters:N0}"));
        yield return ("versions", $"Headstart {run.Versions.Headstart}, TorchSharp {run.Versions.TorchSharp}, {run.Versions.Dotnet}, " +
            $"{run.Versions.System}, {run.Device}");
    }

    private static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    private static string Shorten(IReadOnlyList<string> names) =>
        names.Count <= 6 ? string.Join(", ", names) : $"{string.Join(", ", names.Take(5))}, ... {names[^1]}";
}
