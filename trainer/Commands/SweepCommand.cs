using System.Text.Json;
using System.Text.Json.Nodes;
using Cocona;
using Cocona.Application;
using Headstart.CommandLine;
using Headstart.Models;
using Headstart.Trainer.Runs;
using Headstart.Trainer.Sweeps;
using Headstart.Trainer.Tensors;

namespace Headstart.Trainer.Commands;

/// <summary><c>trainer sweep</c>: a cache and a space in, a leaderboard and the best run out.</summary>
public sealed class SweepCommand
{
    [Command("sweep", Description = "Train many heads on cached features, and say which is best.")]
    public async Task RunAsync(SweepArguments commandLine, [FromService] ICoconaAppContextAccessor context)
    {
        var cancellationToken = context.Current!.CancellationToken;
        var time = TimeProvider.System;
        var start = time.GetTimestamp();
        var arguments = commandLine.ToRequest();
        var space = SpaceReader.Read(arguments.Space);
        arguments.Validate(space);
        var words = new SweepWords(commandLine.Json ? Console.Error : Console.Out, space);
        if (commandLine.Resume && SweepFolder.Finished(arguments.Out) is { } finished)
        {
            TellFinished(arguments, commandLine.Json, space, finished);
            return;
        }

        var trials = TrialDraw.Trials(space, arguments.Basis, arguments.Space);
        var device = TrainingDevice.Resolve(arguments.Device);
        var state = CachesState.Of([arguments.Cache], arguments.Val);
        var begun = commandLine.Resume ? SweepFolder.Unfinished(arguments.Out) : null;
        RequireSame(arguments, space, state, begun);
        var data =
            await SweepData.OpenAsync(arguments.Cache, arguments.Val, arguments.ValSplit, arguments.Folds, space.Seed, cancellationToken);
        data.Data.WarnOfCaches(commandLine.RequireComplete, Console.Error);

        using var folder = SweepFolder.Create(arguments.Out, commandLine.Resume);
        var heads = trials.Where(t => t.Tuning is null).ToList();
        var tunes = heads.Count < trials.Count;
        var run = new SweepRun(space, heads, arguments.Folds, keepsHeads: tunes, data, folder, device, time);
        var tuned = tunes ? new TunedTrials(trials, run.Repeats, ModelFile.Load(arguments.Model!), data, folder, device, time) : null;
        var splits = run.Splits.Distinct().ToList();
        var origin = begun ?? new SweepStart(arguments, space.Source, time.GetUtcNow(), RunVersions.Current,
            TorchSharp.torch.get_num_threads(), state.Caches[0], state.Validation);
        folder.Begin(origin, isNew: begun is null);
        words.Begin(arguments, data, run, tuned, trials.Count, device);
        if (commandLine.Resume)
            words.Resume(arguments.Out, begun, folder.Outcomes.Count);
        using var features = await ProgressDisplay.RunAsync(
            "loading", "images", time, begin => data.LoadAsync(splits, run.Forms, begin(data.RowsToRead), cancellationToken));
        using var prefix = tuned is null ? null : await ProgressDisplay.RunAsync(
            "loading", "images", time, begin => tuned.LoadAsync(splits, begin(data.RowsToRead), cancellationToken));
        var loadSeconds = time.GetElapsedTime(start).TotalSeconds;
        RequireSame(arguments, space, state.Now(), origin);

        try
        {
            var standings =
                run.Run(features, rung => words.Round(run, rung), standing => words.Trial(standing, trials.Count), cancellationToken);
            if (tuned is not null && prefix is not null)
            {
                standings = Standing.Ordered(
                    [.. standings, .. tuned.Run(prefix, standing => words.Trial(standing, trials.Count), cancellationToken)], space.Rank);
                words.Tuned(tuned);
                prefix.Dispose(); // The best run reads what it needs of it, and both may not fit.
            }

            if (standings[0].Error is { } reason)
                throw new CommandException(
                    $"Every trial failed. The first: {reason}. Widen the space in {arguments.Space}: lower learning rates, mostly.");
            var best = await BestRun.MakeAsync(standings[0].Trial, data, features, state, loadSeconds, device, time, cancellationToken);
            var depths = tuned is null ? null : DepthTable.Of(standings, t => tuned.Weights[t], o => data.JudgedImages(o.Seed, o.Fold));
            var advice = depths is null ? null : DepthAdvice.Of(depths);
            var leaderboard = new Leaderboard(space, standings);
            folder.WriteTables(leaderboard, depths);
            var seconds = time.GetElapsedTime(start).TotalSeconds;
            var result = leaderboard.ToJson(best, advice, run.Rungs, folder.Outcomes.Count, loadSeconds, seconds);
            SweepReport.Write(arguments, space, standings, run, best, advice, origin.Started, seconds);
            folder.Finish(result);
            words.End(arguments, standings, best, advice, seconds);
            if (commandLine.Json)
                JsonOutput.Write(result);
        }
        catch (OperationCanceledException e)
        {
            throw new CommandException(
                $"Interrupted after {folder.Outcomes.Count:N0} trainings, which are kept in {arguments.Out}. --resume goes on.",
                ExitCode.Interrupted, e);
        }
    }

    private static void RequireSame(SweepRequest arguments, SweepSpace space, CachesState state, SweepStart? begun)
    {
        if (begun is null)
            return;
        arguments.RequireSame(begun.Arguments);
        if (!JsonElement.DeepEquals(space.Source, begun.Space))
            throw CommandException.Usage($"--space {arguments.Space}: {arguments.Out} was begun with another content of the file. Put " +
                "that back to go on, or give another --out.");
        state.RequireSame([begun.Cache], begun.ValidationCache, $"the sweep in {arguments.Out}", "sweep");
    }

    // A job that is started again after it was done has nothing to do, which is no failure.
    private static void TellFinished(SweepRequest arguments, bool asJson, SweepSpace space, JsonObject result)
    {
        if (!JsonNode.DeepEquals(result["space"], JsonNode.Parse(space.Source.GetRawText())))
            throw CommandException.Usage(
                $"--space {arguments.Space}: {arguments.Out} is finished, and had another content of the file. Give another --out.");
        (asJson ? Console.Error : Console.Out).WriteLine(
            $"{arguments.Out} is finished: see {SweepFolder.LeaderboardName} in it. There is nothing to resume.");
        if (asJson)
            JsonOutput.Write(result);
    }
}
