using System.Globalization;
using Headstart.Cache;
using Headstart.Trainer.Reports;
using Headstart.Trainer.Reports.Charts;

namespace Headstart.Trainer.Audit;

/// <summary><c>report.html</c> of an audit: what was found, with the pictures, then what it rests on.</summary>
internal static class AuditPage
{
    public const string FileName = "report.html";
    private const int MostPictures = 24;
    private const int MostConfusions = 20;
    private const int MostProblems = 50;
    private static readonly Html None = new("<p>None.</p>\n");

    /// <param name="folder">Gets the page.</param>
    /// <param name="audit">What was found.</param>
    /// <param name="cache">In which cache.</param>
    /// <param name="layer">By which features.</param>
    /// <param name="command">That repeats it.</param>
    /// <param name="pictures">Where the pictures are, if anywhere.</param>
    /// <exception cref="CommandException">The file can't be written.</exception>
    public static void Write(string folder, DataAudit audit, FeatureCache cache, string layer, string command, Thumbnails pictures) =>
        AtomicFile.WriteText(Path.Combine(folder, FileName), ReportPage.Of(Title(audit), Body(audit, cache, layer, command, pictures)));

    private static string Title(DataAudit audit) => audit.Labels is { } labels
        ? string.Create(CultureInfo.InvariantCulture, $"{labels.LikelyWrong.Count():N0} of {audit.Images:N0} labels are likely wrong")
        : string.Create(CultureInfo.InvariantCulture, $"{audit.Images:N0} images audited");

    private static Html Body(DataAudit audit, FeatureCache cache, string layer, string command, Thumbnails pictures)
    {
        var leaks = audit.Duplicates.Pairs.Count(p => p.CrossesSplits);
        Html warning = $"<p class=\"note\">{leaks:N0} pairs of duplicates lie in different splits: figures on those images flatter. " +
            $"Remove one of each pair.</p>\n";
        Html shown = $"""
            <h1>{Title(audit)}</h1>
            <p class="soft">{cache.Folder}; {layer} of {cache.Contract.Model}; every table is complete in the CSV files beside this page</p>
            {(leaks == 0 ? new Html("") : warning)}
            {ReportPage.Figures(Numbers(audit))}
            {ReportPage.Section("Likely wrong labels", WrongLabels(audit, pictures))}
            {ReportPage.Section("Duplicates", Pairs(audit.Duplicates, pictures))}
            {ReportPage.Section("Outliers", FarImages(audit, pictures))}
            {ReportPage.Section("Unreadable and tiny images", Problems(audit))}
            {ReportPage.Section("What it rests on", Charts(audit))}
            {ReportPage.Section("Where it comes from", ReportPage.Facts(Lineage(audit, cache, layer)))}
            {ReportPage.Section("The same again", $"<pre>{command}</pre>")}
            """;
        return shown;
    }

    private static IEnumerable<(string, string)> Numbers(DataAudit audit)
    {
        yield return ("images", Number(audit.Images));
        if (audit.Labels is { } labels)
        {
            yield return ("likely wrong labels", Number(labels.LikelyWrong.Count()));
            yield return ("labels agree with out-of-fold predictions", labels.Agreement.ToString("0.0%", CultureInfo.InvariantCulture));
        }

        yield return ("exact duplicates", Number(audit.Duplicates.Exact));
        yield return ("near duplicates", Number(audit.Duplicates.Near));
        yield return ("outliers", Number(audit.Outliers.Count(o => o.IsOutlier)));
        yield return ("unreadable images", Number(audit.Problems.Count(p => p.Problem == ImageProblem.Unreadable)));
        yield return ("tiny images", Number(audit.Problems.Count(p => p.Problem == ImageProblem.Tiny)));
    }

    private static Html WrongLabels(DataAudit audit, Thumbnails pictures)
    {
        if (audit.Labels is not { } labels)
            return new Html("<p>Not judged: it takes two classes with two pictures each.</p>\n");
        return Pictures(
            "The surest first. Margin: the probability of the label less that of the class it looks like, by heads that never saw the " +
            "image; -1 is surely wrong.",
            [.. labels.LikelyWrong.Take(MostPictures)], l => [l.Image.Path], ["label", "looks like", "margin", "image"],
            l => [l.Image.Label ?? "", l.Suggested, Number(l.Margin), l.Image.Path],
            words => $"labelled <b>{words[0]}</b>, looks like <b>{words[1]}</b> (margin {words[2]})<br>{words[3]}", pictures);
    }

    private static Html Pairs(DuplicatePairs duplicates, Thumbnails pictures) => Pictures(
        "First those across splits, then those with two labels. Exact: the same bytes. Near: how alike the two are; 1 is the same picture.",
        [.. duplicates.Pairs.OrderByDescending(p => p.CrossesSplits).ThenByDescending(p => p.HasTwoLabels).Take(MostPictures)],
        p => [p.Image.Path, p.Other.Path],
        ["kind", "", "image", "other"],
        p => [p.Similarity is { } similarity ? $"near, {Number(similarity)}" : "exact", Remarks(p), p.Image.Path, p.Other.Path],
        words => $"<b>{words[0]}</b> {words[1]}<br>{words[2]}<br>{words[3]}",
        pictures);

    private static string Remarks(DuplicatePair pair) => string.Join(
        "; ", new[]
        {
            pair.CrossesSplits ? $"{pair.Image.Split} and {pair.Other.Split}" : "",
            pair.HasTwoLabels ? $"{pair.Image.Label} and {pair.Other.Label}" : "",
        }.Where(r => r.Length > 0));

    private static Html FarImages(DataAudit audit, Thumbnails pictures) => Pictures(
        "The farthest from their own class first. Score: how many interquartile ranges above the upper quartile of their class's " +
        "distances; from 1.5 on an image is an outlier.",
        [.. audit.Outliers.Where(o => o.IsOutlier).Take(MostPictures)], o => [o.Image.Path], ["label", "score", "image"],
        o => [o.Image.Label ?? "no label", Number(o.Score), o.Image.Path],
        words => $"<b>{words[0]}</b>, score {words[1]}<br>{words[2]}", pictures);

    private static Html Problems(DataAudit audit) => audit.Problems.Count == 0
        ? None
        : ReportPage.Table(
            ["image", "problem", "detail"], audit.Problems.Take(MostProblems).Select(p => (string[])[p.Path, p.Problem, p.Detail]));

    private static Html Charts(DataAudit audit)
    {
        var charts = new List<Html>();
        if (audit.Labels is { } labels)
            charts.Add(ConfusionMatrix.Of(labels.Confusion, labels.Classes));
        if (audit.Near.Best.Length > 0)
            charts.Add(SimilarityHistogram.Of(audit.Near.Best, audit.Near.Threshold));
        var confused = audit.Labels?.Confused.Take(MostConfusions).ToList() ?? [];
        Html table = ReportPage.Table(
            ["label", "taken for", "images"],
            confused.Select(c => (string[])[c.Label, c.Predicted, $"{Number(c.Images)} of {Number(c.OfClass)}"]));
        return $"<div class=\"charts\">{charts}</div>\n{(confused.Count == 0 ? new Html("") : table)}";
    }

    private static IEnumerable<(string, string)> Lineage(DataAudit audit, FeatureCache cache, string layer)
    {
        yield return ("model", $"{cache.Contract.Model}, sha256 {cache.Contract.ModelSha256}");
        yield return ("layer", $"{layer} ({cache.Layer(layer).Shape})");
        yield return ("preprocessing", $"{cache.Contract.Preprocessing.Preset}, {cache.Contract.Preprocessing.Size} pixels");
        yield return ("threshold of near duplicates", Number(audit.Near.Threshold));
        yield return ("version", $"Headstart {ToolVersion.Text}");
    }

    // Pictures side by side where there are any to see, otherwise a table.
    private static Html Pictures<T>(
        string meaning, IReadOnlyList<T> findings, Func<T, string[]> paths, string[] head, Func<T, string[]> words,
        Func<string[], Html> caption, Thumbnails pictures)
    {
        if (findings.Count == 0)
            return None;
        Html explained = $"<p class=\"soft\">{meaning}</p>\n";
        var shown = findings.Select(f => (Finding: f, Addresses: paths(f).Select(p => (Path: p, Address: pictures.AddressOf(p))).ToArray()))
            .ToArray();
        if (shown.All(s => s.Addresses.All(a => a.Address is null)))
        {
            Html hint = $"<p class=\"soft\">Audit with --images DIR, the folder that was extracted, to see the pictures here.</p>\n";
            return $"{explained}{hint}{ReportPage.Table(head, findings.Select(words))}";
        }

        return $"{explained}<div class=\"pictures\">{shown.Select(s => Figure(s.Addresses, caption(words(s.Finding))))}</div>\n";
    }

    private static Html Figure((string Path, string? Address)[] images, Html caption)
    {
        var kind = new Html(images.Length > 1 ? " class=\"pair\"" : "");
        var pictures = images.Where(i => i.Address is not null).Select(i => (Html)$"<img src=\"{new Html(i.Address!)}\" alt=\"{i.Path}\">");
        return $"<figure{kind}><div>{pictures}</div><figcaption>{caption}</figcaption></figure>\n";
    }

    private static string Number(int value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static string Number(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);
}
