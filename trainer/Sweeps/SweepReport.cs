using System.Globalization;
using System.Text.Json;
using Headstart.Trainer.Reports;
using Headstart.Trainer.Reports.Charts;
using Headstart.Trainer.Runs;

namespace Headstart.Trainer.Sweeps;

/// <summary><c>report.html</c> of a sweep: the winner first, then all trials, what each option did, and how to get it again.</summary>
internal static class SweepReport
{
    /// <summary>More rows than this are for programs.</summary>
    private const int MostRows = 100;

    /// <summary>Values that span more than this are drawn on a logarithmic axis: rates and penalties are.</summary>
    private const double LeastLogSpan = 20;

    /// <param name="standings">Best first; the first has figures.</param>
    /// <param name="best">The best trial's run.</param>
    /// <param name="advice">Null where heads alone were tried.</param>
    /// <param name="seconds">What the sweep took, as far as this process made it.</param>
    /// <exception cref="CommandException">The file can't be written.</exception>
    public static void Write(
        SweepRequest arguments, SweepSpace space, IReadOnlyList<Standing> standings, SweepRun run, BestRun best, DepthAdvice? advice,
        DateTimeOffset started,
        double seconds)
    {
        var page = ReportPage.Of(Title(standings), Body(arguments, space, standings, run, best, advice, started, seconds));
        AtomicFile.WriteText(Path.Combine(arguments.Out, RunReport.FileName), page);
    }

    private static string Title(IReadOnlyList<Standing> standings) =>
        string.Create(
            CultureInfo.InvariantCulture, $"{standings[0].Accuracy!.Value.Mean:0.0%} right: the best of {standings.Count:N0} trials");

    private static Html Body(
        SweepRequest arguments, SweepSpace space, IReadOnlyList<Standing> standings, SweepRun run, BestRun best, DepthAdvice? advice,
        DateTimeOffset started,
        double seconds)
    {
        var judged = standings.Where(s => s.Error is null).ToList();
        var charts = Charts(space, judged);
        Html again = $"<pre>{arguments.Command}</pre><p>The best run alone:</p><pre>{string.Join('\n', best.Commands)}</pre>";
        return $"""
            <h1>{Title(standings)}</h1>
            <p class="soft">{TrialDraw.Describe(standings[0].Trial.Chosen)}; <time>{started.UtcDateTime:yyyy-MM-dd HH:mm} UTC</time></p>
            {ReportPage.Figures(Numbers(standings, run, best, seconds))}
            {(advice is null ? new Html("") : DepthSection(advice))}
            {ReportPage.Section("Leaderboard", Leaderboard(space, standings))}
            {(charts.Count == 0 ? new Html("") : ReportPage.Section("Accuracy over each option", $"<div class=\"charts\">{charts}</div>\n"))}
            {Html.Join(Words(space, judged))}
            {ReportPage.Section("The space", $"<pre>{JsonSerializer.Serialize(space.Source, HeadstartJson.Indented)}</pre>")}
            {ReportPage.Section("Where it comes from", ReportPage.Facts([.. RunReport.Lineage(RunFolder.Read(best.Folder)), ("seed", Text(space.Seed)), ("judged by", Judges(arguments, space))]))}
            {ReportPage.Section("The same again", again)}
            """;
    }

    private static IEnumerable<(string, string)> Numbers(IReadOnlyList<Standing> standings, SweepRun run, BestRun best, double seconds)
    {
        yield return ("accuracy", Show(standings[0].Accuracy));
        yield return ("loss", Show(standings[0].Loss));
        if (standings[0].Auc is { } auc)
            yield return ("ROC AUC", Show(auc));
        yield return ("accuracy of the best run, trained once more", Text(best.Result.Val.Accuracy, "0.0000"));
        yield return ("its loss, after its temperature", Text(best.Result.Val.Loss, "0.0000"));
        yield return ("trials", Text(standings.Count, "N0") + (run.Repeats.Count > 1 ? $" \u00d7 {run.Repeats.Count}" : ""));
        if (run.Rungs.Count > 1)
            yield return ("rounds", string.Join(" \u2192 ", run.Rungs.Select(r => r.Trials)));
        if (standings.Count(s => s.Error is not null) is > 0 and var failed)
            yield return ("failed", Text(failed, "N0"));
        yield return ("seconds", Text(seconds, "N1"));
    }

    private static Html DepthSection(DepthAdvice advice)
    {
        var table = advice.Table;
        var repeats = table.Head.Repeats.Count > 1 ? $" Mean \u00b1 standard deviation of {table.Head.Repeats.Count} trainings each." : "";
        var cells = table.Rows.Select(r => (IReadOnlyList<string>)
        [
            r.Part, Text(r.Weights, "N0"), r.Rate is { } rate ? Text(rate, "0.###e-0") : "\u2013",
            r.HeadRate is { } head ? Text(head, "0.###e-0") : "\u2013",
            Show(r.Standing.Accuracy), Show(r.Standing.Loss),
            r.Gain is { } gain
                ? $"{Text(gain.Mean, "+0.0000;-0.0000")} \u00b1 {Text(advice.Widths * gain.StandardError, "0.0000")}"
                : "\u2013",
        ]);
        Html body = $"""
            <p class="note">{advice.Text}</p>
            {Html.Join(advice.Notes.Select(n => (Html)$"<p>{n}</p>\n"))}
            <p>Of trials with the same part and rates the best.{repeats} The gain is over the head alone, ± what chance explains.</p>
            {ReportPage.Table(["tuned", "weights", "base at", "head at", "accuracy", "loss", "gain"], cells)}
            """;
        return ReportPage.Section("Accuracy against depth and rate", body);
    }

    private static Html Leaderboard(SweepSpace space, IReadOnlyList<Standing> standings)
    {
        var options = space.Varied.ToList();
        var table = ReportPage.Table(
            ["", "trial", "accuracy", "loss", "ROC AUC", "epochs", .. options.Select(o => o.Name)],
            standings.Take(MostRows).Select((s, i) => (IReadOnlyList<string>)[Text(i +
                1), Text(s.Trial.Number), .. Figures(s), .. options.Select(o => CommandText.Value(Value(s, o)))]));
        var repeats =
            standings[0].Outcomes.Count > 1 ? $" Mean \u00b1 standard deviation of {standings[0].Outcomes.Count} trainings each." : "";
        var more = standings.Count > MostRows ? $" {standings.Count - MostRows:N0} more are in {SweepFolder.LeaderboardName}." : "";
        return $"<p>By validation {space.Rank.ToString().ToLowerInvariant()}. Trials are compared by plain figures: temperature 1, the " +
            $"most probable class.{repeats}{more}</p>\n{table}";
    }

    private static IEnumerable<string> Figures(Standing standing) => standing.Error is { } error
        ? [$"failed: {error}", "", "", ""]
        : [Show(standing.Accuracy), Show(standing.Loss), Show(standing.Auc), Text(standing.Outcomes.Max(o => o.Epochs))];

    private static List<Html> Charts(SweepSpace space, List<Standing> judged)
    {
        var lastRound = judged.Max(s => s.Rung);
        var charts = new List<Html>();
        foreach (var (option, values) in space.Options.Where(o => o.Option.Kind != SpaceKind.Text && space.Varied.Contains(o.Option)))
        {
            var points = judged.Where(s => Value(s, option) is not null)
                .Select(s => new TrialPoint(Convert.ToDouble(Value(s, option), CultureInfo.InvariantCulture), s.Accuracy!.Value.Mean,
                    s.Accuracy.Value.Sd, s.Rung == lastRound)).ToList();
            if (points.Count == 0)
                continue;
            var (low, high) = (points.Min(p => p.X), points.Max(p => p.X));
            var isLog = low > 0 && (values is RangeOfValues { IsLog: true } || high / low >= LeastLogSpan);
            var without = judged.Count - points.Count;
            charts.Add(OptionScatter.Of(
                option.Name, "accuracy", points, isLog, without == 0 ? "" : $" {without:N0} trials without {option.Name} are not shown."));
        }

        return charts;
    }

    // What is a word has no axis: the best and the mean of the trials that have it.
    private static IEnumerable<Html> Words(SweepSpace space, List<Standing> judged) =>
        from option in space.Varied
        where option.Kind == SpaceKind.Text
        select ReportPage.Section($"Accuracy by {option.Name}", ReportPage.Table(
            [option.Name, "trials", "best", "mean"],
            from standing in judged
            group standing.Accuracy!.Value.Mean by CommandText.Value(Value(standing, option)) into same
            orderby same.Max() descending, same.Key
            select (
                IReadOnlyList<string>)[same.Key, Text(same.Count(), "N0"), Text(same.Max(), "0.0000"), Text(same.Average(), "0.0000")]));

    private static string Judges(SweepRequest arguments, SweepSpace space) =>
        (arguments.Folds is { } folds ? $"{folds} folds of the training and validation images" : "the validation images") +
            (space.Seeds > 1 ? $", {space.Seeds} seeds" : "");

    private static object? Value(Standing standing, SpaceOption option) => standing.Trial.Chosen.First(c => c.Option == option).Value;

    private static string Show(Spread? spread) => spread is { } of
        ? Text(of.Mean, "0.0000") + (of.Sd is { } sd ? $" \u00b1 {Text(sd, "0.0000")}" : "")
        : "\u2013";

    private static string Text<T>(T value, string? format = null)
        where T : IFormattable => value.ToString(format, CultureInfo.InvariantCulture);
}
