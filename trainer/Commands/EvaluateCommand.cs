using Cocona;
using Cocona.Application;
using Headstart.Cache;
using Headstart.CommandLine;
using Headstart.Models;
using Headstart.Trainer.Evaluation;
using Headstart.Trainer.Features;
using Headstart.Trainer.FineTuning;
using Headstart.Trainer.Runs;
using Headstart.Trainer.Tensors;
using Headstart.Trainer.Training;
using TorchSharp;

namespace Headstart.Trainer.Commands;

/// <summary><c>trainer evaluate</c>: how good a run's head is on features that it has not learnt from.</summary>
public sealed class EvaluateCommand
{
    [Command("evaluate", Description = "Judge a run: every figure with its 95 % interval. The only command that looks at the test split.")]
    public async Task RunAsync(
        [Argument("RUN", Description = "The folder that 'trainer train' or 'trainer finetune' wrote.")] string folder,
        [FromService] ICoconaAppContextAccessor context,
        [Argument("CACHE",
            Description = "Features to judge by, of the same model and layer; for a fine-tuned run of a layer before what was tuned.")]
        string? cacheFolder = null,
        [Option("images", Description = "Pictures to judge by instead of a cache: a folder or a CSV, as they would be extracted.")]
        string? images = null,
        [Option("split", Description = "Which rows; test where the cache names some, otherwise those that validated the run, or all of a " +
            "cache that it never saw.")]
        JudgedSplit? split = null,
        [Option("model", Description = "The base: of a fine-tuned run, where it isn't where the run says; of any other, with --images.")]
        string? model = null,
        [Option("seed", Description = "Of the resampling behind the intervals.")] long seed = 0,
        [Option("device", Description = "Where to compute.")] DeviceChoice device = DeviceChoice.Auto,
        [Option("json", Description = "One JSON object on standard output, words on standard error.")] bool json = false)
    {
        var cancellationToken = context.Current!.CancellationToken;
        var run = RunFolder.Read(folder);
        RequireWhole(folder, run, model, images);
        var computing = TrainingDevice.Resolve(device);
        var (judged, logits, labels) = (cacheFolder, images) switch
        {
            ({ } features, null) => await JudgeCacheAsync(folder, run, features, model, split, computing, cancellationToken),
            (null, { } pictures) => await PictureEvaluation.RunAsync(folder, run, pictures, model, split, computing, cancellationToken),
            (null, null) =>
                throw CommandException.Usage($"evaluate {folder}: by what? Give a CACHE of features, or pictures with --images IMAGES."),
            _ => throw CommandException.Usage($"{cacheFolder} and --images {images} both say what to judge by: give one of them."),
        };

        var report = Judgement.Of(logits, labels, run.Classes, run.Calibration, seed).Report with
        {
            Split = judged.Split.ToString().ToLowerInvariant(),
            LeftOut = judged.LeftOut,
            Note = run.Cache.Contract.ModelNote,
        };
        new EvaluateWords(json ? Console.Error : Console.Out).Write(folder, run, report, judged);
        if (json)
            JsonOutput.Write(report);
    }

    private static async Task<JudgedLogits> JudgeCacheAsync(
        string folder, RunFile run, string cacheFolder, string? model, JudgedSplit? split, torch.Device device,
        CancellationToken cancellationToken)
    {
        var cache = await FeatureCache.OpenAsync(cacheFolder, cancellationToken);
        FolderWords.Warn(cache, requireComplete: false, Console.Error);
        var judged = JudgedRows.Of(cache, run, split);
        var (logits, labels) = run.Tuning is null
            ? await JudgeHeadAsync(folder, run, cache, judged.Rows, device, cancellationToken)
            : await JudgeTunedAsync(folder, run, model, cache, judged.Rows, device, cancellationToken);
        return new JudgedLogits(judged, logits, labels);
    }

    private static async Task<(float[] Logits, int[] Labels)> JudgeHeadAsync(
        string folder, RunFile run, FeatureCache cache, IReadOnlyList<int> rows, torch.Device device, CancellationToken cancellationToken)
    {
        RequireSameFeatures(cache, folder, run, cache.Layer(run.Layer.Name));
        using var head = RunFolder.LoadHead(folder, run, device);
        using var set = await LoadAsync(new FeatureLoader(cache, run.Layer, head), cache, run, rows, cancellationToken);
        return (TrainingLoop.Predict(head, set), set.Labels);
    }

    // The head of a fine-tuned run reads what the tuned blocks make of a layer that the frozen ones made: that one is in the cache.
    private static async Task<(float[] Logits, int[] Labels)> JudgeTunedAsync(
        string folder, RunFile run, string? modelPath, FeatureCache cache, IReadOnlyList<int> rows, torch.Device device,
        CancellationToken cancellationToken)
    {
        var tuning = run.Tuning!;
        var path = modelPath ?? tuning.Model;
        if (modelPath is null && !File.Exists(path))
            throw new CommandException(
                $"{path}, from which {folder} was tuned, isn't there. Pass it with --model; its sha256 is {tuning.ModelSha256[..16]}...");
        var model = ModelFile.Load(path);
        tuning.RequireModel(model, folder);
        var layer = CachedPrefix.Among(cache.Contract.Layers, model, [new UnfrozenPart(tuning.UnfrozenFrom, run.Layer.Name)])
            ?? throw NoPrefix(cache, folder, tuning, path);
        RequireSameFeatures(cache, folder, run, layer);
        using var set = await LoadAsync(new FeatureLoader(cache, layer, null), cache, run, rows, cancellationToken);
        using var network = TunedRun.Load(folder, model, layer.Name, device);
        return (network.Predict(set), set.Labels);
    }

    private static async Task<FeatureSet> LoadAsync(
        FeatureLoader loader, FeatureCache cache, RunFile run, IReadOnlyList<int> rows, CancellationToken cancellationToken) =>
        (await ProgressDisplay.RunAsync(
            "loading", "images", TimeProvider.System,
            begin => loader.LoadAsync(run.Classes, [rows], begin(cache.Rows.Count), cancellationToken)))[0];

    private static void RequireWhole(string folder, RunFile run, string? model, string? images)
    {
        if (run.Tuning is null && File.Exists(Path.Combine(folder, RunFolder.BaseName)))
            throw new CommandException($"{folder} has tuned weights ({RunFolder.BaseName}), but its {RunFolder.RunName} says nothing of " +
                "tuning: it was put together from two runs. Take a whole one.");
        if (run.Tuning is null && model is not null && images is null)
            throw CommandException.Usage(
                $"--model {model}: {folder} is not fine-tuned, and its head reads the cache alone. Leave --model out.");
    }

    private static CommandException NoPrefix(FeatureCache cache, string folder, RunTuning tuning, string model) =>
        tuning.UnfrozenFrom is { } from
            ? new CommandException($"{cache.Folder} has {string.Join(", ", cache.Contract.Layers.Select(l => l.Name))}, and {folder} is " +
                $"tuned after {from}: give a cache with {from} or a layer before it. " +
                $"'extractor extract IMAGES --model {model} --layer {from} --out {cache.Folder}' adds it, where the model names that " +
                "layer.")
            : new CommandException(
                $"{folder} is tuned from the image on, which no cache can hold. Judge it by pictures: trainer evaluate " +
                $"{folder} --images IMAGES");

    private static void RequireSameFeatures(FeatureCache cache, string folder, RunFile run, ModelLayer layer)
    {
        // Plain images alone are judged, so it doesn't matter from what either cache's views were drawn.
        var learnt = run.Cache.Contract with { Layers = run.Tuning is null ? [run.Layer] : run.Cache.Contract.Layers, Augmentation = null };
        if (learnt.FirstDifference(cache.Contract with { Layers = [layer] }) is { } difference)
        {
            throw new CommandException(
                $"{cache.Folder} was made with {difference.Field} '{difference.Right}', but {folder} learnt from features made with " +
                $"'{difference.Left}': figures on it would mean nothing. Extract it again with the same model.");
        }
    }
}
