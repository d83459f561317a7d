using System.Globalization;
using Headstart.CommandLine;
using Headstart.Trainer.Runs;
using Headstart.Trainer.Sweeps;
using Headstart.Trainer.Tensors;
using TorchSharp;

namespace Headstart.Trainer.Commands;

/// <summary>What <c>trainer sweep</c> tells a person, in lines of at most 80 columns (names and paths apart).</summary>
internal sealed class SweepWords(TextWriter output, SweepSpace space)
{
    private const int Shown = 10;

    /// <param name="tuned">Null where heads alone are tried.</param>
    public void Begin(SweepRequest arguments, SweepData data, SweepRun run, TunedTrials? tuned, int trials, torch.Device device)
    {
        var (cache, split) = (data.Data.Cache, data.Data.Split);
        Line(arguments.Folds is { } folds
            ? (FormattableString)$"{cache.Folder}: {folds} folds of its training and validation images"
            : $"{cache.Folder}: {split.TrainImages:N0} to train, {split.Validation.Count:N0} to validate, {split.How}");
        Line($"{data.Data.Classes.Count} classes, features of {cache.Contract.Model}, on the {TrainingDevice.Describe(device)}");
        var repeats = run.Repeats.Count == 1 ? "" : $", each {run.Repeats.Count} times ({Repeats(arguments)})";
        Line($"{space.Search.ToString().ToLowerInvariant()}: {trials:N0} trials{repeats}");
        if (tuned is not null)
        {
            WrappedText.Write(output, "", string.Create(CultureInfo.InvariantCulture,
                $"tuned in {tuned.Count:N0} of them: {tuned.Model.Contract.Name}, from cached {tuned.Prefix.Name} ({tuned.Prefix.Shape})"));
            if (tuned.Model.Contract.Weights.Note is { } of)
                WrappedText.Write(output, "note: ", of);
        }

        if (run.Rungs.Count > 1)
            WrappedText.Write(output, "rounds: ", string.Join(", then ", run.Rungs.Select(r => $"{r.Trials} for {r.Epochs} epochs")));
        if (cache.Contract.ModelNote is { } note)
            WrappedText.Write(output, "note: ", note);
        foreach (var line in arguments.Folds is null ? split.Notes : [])
            WrappedText.Write(output, "note: ", line);
    }

    public void Resume(string folder, SweepStart? begun, int done)
    {
        Line(begun is null
            ? $"{folder}: nothing to resume, begins with the first trial"
            : $"{folder}: begun {begun.Started:yyyy-MM-dd HH:mm} UTC, goes on after {done:N0} trainings");
        if (begun is not null && (begun.Versions, begun.Threads) != (RunVersions.Current, torch.get_num_threads()))
            WrappedText.Write(output, "note: ",
                "It was begun with other versions or another number of threads: the last bits of the numbers may differ.");
    }

    public void Round(SweepRun run, int rung)
    {
        if (run.Rungs.Count > 1)
            Line($"round {rung + 1} of {run.Rungs.Count}: {run.Rungs[rung].Trials} trials, up to epoch {run.Rungs[rung].Epochs}");
    }

    public void Trial(Standing standing, int trials)
    {
        var width = trials.ToString(CultureInfo.InvariantCulture).Length;
        var label = $"trial {standing.Trial.Number.ToString(CultureInfo.InvariantCulture).PadLeft(width)}/{trials}  ";
        WrappedText.Write(output, label, standing.Error is { } error
            ? $"failed: {error.ReplaceLineEndings(" ")} ({Options(standing)})"
            : $"{Figures(standing)}, {standing.Seconds.ToString("0.00", CultureInfo.InvariantCulture)} s: {Options(standing)}");
    }

    /// <summary>What came up while bases were tuned.</summary>
    public void Tuned(TunedTrials tuned)
    {
        foreach (var note in tuned.Notes)
            WrappedText.Write(output, "note: ", note);
    }

    /// <param name="advice">Null where heads alone were tried.</param>
    public void End(SweepRequest arguments, IReadOnlyList<Standing> standings, BestRun best, DepthAdvice? advice, double seconds)
    {
        Line("");
        var several = standings[0].Outcomes.Count > 1 ? $"; mean ± sd of {standings[0].Outcomes.Count}" : "";
        Line($"leaderboard, by validation {space.Rank.ToString().ToLowerInvariant()}{several}");
        foreach (var (standing, i) in standings.Take(Shown).Select((s, i) => (s, i)))
            WrappedText.Write(output, $"{i + 1,3}. ",
                $"trial {standing.Trial.Number}: {(standing.Error is null ? Figures(standing) : "failed")}: {Options(standing)}");
        if (standings.Count > Shown)
            Line($"     and {standings.Count - Shown:N0} more");
        if (standings.Count(s => s.Error is not null) is > 0 and var failed)
            Line($"{failed:N0} of {standings.Count:N0} trials failed: {SweepFolder.LeaderboardName} says why");
        Line("");
        if (advice is not null)
            new DepthWords(output).Write(advice);
        var (maker, files) =
            best.Commands.Count > 1 ? ("finetune", $"{RunFolder.HeadName}, {RunFolder.BaseName}") : ("train", RunFolder.HeadName);
        WrappedText.Write(output, "", string.Create(CultureInfo.InvariantCulture,
            $"best run, trained once more as 'trainer {maker}' does: validation accuracy {best.Result.Val.Accuracy:0.0000}, loss " +
            $"{best.Result.Val.Loss:0.0000}"));
        TrainWords.Plain(output, best.Result);
        Line($"{seconds:0.0} s");
        WrappedText.Write(output, $"{arguments.Out}: ", string.Join(", ",
            (string[])[RunReport.FileName, SweepFolder.LeaderboardName, .. advice is null
                ? Array.Empty<string>()
                : [SweepFolder.DepthsName], SweepFolder.ResultName]));
        WrappedText.Write(output, $"{best.Folder}: ", $"{RunReport.FileName}, {files}, {RunFolder.RunName}, {RunFolder.MetricsName}");
        Line("");
        Line($"Next: trainer evaluate {ShellWord.Quote(best.Folder)} {ShellWord.Quote(arguments.Val ?? arguments.Cache)}");
        Line("The best run again, or longer:");
        foreach (var command in best.Again("-2"))
            Line($"  {command}");
    }

    private string Repeats(SweepRequest arguments) => string.Join(", ",
        new[] { space.Seeds > 1 ? $"{space.Seeds} seeds" : null, arguments.Folds is { } folds ? $"{folds} folds" : null }.OfType<string>());

    private static string Figures(Standing standing) => $"acc {Show(standing.Accuracy!.Value)}, loss {Show(standing.Loss!.Value)}";

    private static string Show(Spread spread) =>
        string.Create(CultureInfo.InvariantCulture, $"{spread.Mean:0.0000}{(spread.Sd is { } sd ? $" ±{sd:0.0000}" : "")}");

    private string Options(Standing standing) => TrialDraw.Describe(standing.Trial.Chosen.Where(c => space.Varied.Contains(c.Option)));

    private void Line(FormattableString text) => output.WriteLine(text.ToString(CultureInfo.InvariantCulture));

    private void Line(string text) => output.WriteLine(text);
}
