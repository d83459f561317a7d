using Cocona;
using Cocona.Application;
using Headstart.Cache;
using Headstart.CommandLine;
using Headstart.Training.Evaluation;
using Headstart.Training.Features;
using Headstart.Training.Runs;

namespace Headstart.Training.Commands;

/// <summary><c>trainer evaluate</c>: how good a run's head is on features that it has not learnt from.</summary>
public sealed class EvaluateCommand
{
    private const string TunedBaseName = "base.safetensors";

    [Command("evaluate", Description = "Judge a run: every figure with its 95 % interval. The only command that looks at the test split.")]
    public async Task RunAsync(
        [Argument("RUN", Description = "The folder that 'trainer train' wrote.")] string folder,
        [Argument("CACHE", Description = "Features to judge by, of the same model and layer.")] string cacheFolder,
        [FromService] ICoconaAppContextAccessor context,
        [Option("split", Description = "Which rows; test where the cache names some, otherwise those that validated the run, or all of a cache that it never saw.")]
        JudgedSplit? split = null,
        [Option("seed", Description = "Of the resampling behind the intervals.")] long seed = 0,
        [Option("device", Description = "Where to compute.")] DeviceChoice device = DeviceChoice.Auto,
        [Option("json", Description = "One JSON object on standard output, words on standard error.")] bool json = false)
    {
        var cancellationToken = context.Current!.CancellationToken;
        var run = RunFolder.Read(folder);
        RequireHeadAlone(folder);
        var cache = await FeatureCache.OpenAsync(cacheFolder, cancellationToken).ConfigureAwait(false);
        RequireSameFeatures(cache, folder, run);
        var judged = JudgedRows.Of(cache, run, split);
        using var head = RunFolder.LoadHead(folder, run, TrainingDevice.Resolve(device));
        var sets = await ProgressDisplay.RunAsync(
            "loading", "images", TimeProvider.System,
            begin => new FeatureLoader(cache, run.Layer, head).LoadAsync(run.Classes, [judged.Rows], begin(cache.Rows.Count), cancellationToken)).ConfigureAwait(false);
        using var rows = sets[0];

        var calibration = run.Calibration ?? new Calibration(1);
        var predictions = Predictions.FromLogits(TrainingLoop.Predict(head, rows), rows.Labels, run.Classes.Count, calibration);
        var report = EvaluationReport.Of(predictions, run.Classes, seed) with
        {
            Temperature = calibration.Temperature,
            Threshold = calibration.Threshold,
            ThresholdRule = calibration.ThresholdRule,
            Split = judged.Split.ToString().ToLowerInvariant(),
            LeftOut = judged.LeftOut,
            Note = cache.Contract.ModelNote,
        };
        new EvaluateWords(json ? Console.Error : Console.Out).Write(folder, run, report, judged);
        if (json)
            JsonOutput.Write(report);
    }

    // The head of a fine-tuned run reads what the tuned blocks make, and a cache holds what the frozen ones made.
    private static void RequireHeadAlone(string folder)
    {
        if (File.Exists(Path.Combine(folder, TunedBaseName)))
        {
            throw new CommandException($"{folder} is fine-tuned: its head doesn't fit features of the frozen base. " +
                "Export it with 'trainer export', and judge the exported model with 'extractor predict'.");
        }
    }

    private static void RequireSameFeatures(FeatureCache cache, string folder, RunFile run)
    {
        // Plain images alone are judged, so it doesn't matter from what either cache's views were drawn.
        var learnt = run.Cache.Contract with { Layers = [run.Layer], Augmentation = null };
        if (learnt.FirstDifference(cache.Contract with { Layers = [cache.Layer(run.Layer.Name)] }) is { } difference)
        {
            throw new CommandException($"{cache.Folder} was made with {difference.Field} '{difference.Right}', but the head in {folder} learnt from features made with " +
                $"'{difference.Left}': figures on it would mean nothing. Extract it again with the same model.");
        }
    }
}
