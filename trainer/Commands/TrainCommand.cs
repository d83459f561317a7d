using System.Globalization;
using Cocona;
using Cocona.Application;
using Headstart.Cache;
using Headstart.CommandLine;
using Headstart.Models;
using Headstart.Training.Features;
using Headstart.Training.Heads;
using Headstart.Training.Runs;

namespace Headstart.Training.Commands;

/// <summary><c>trainer train</c>: a cache in, a run out.</summary>
public sealed class TrainCommand
{
    /// <summary>The options that were typed.</summary>
    internal IReadOnlySet<string> Given { get; set; } = new HashSet<string>();

    [Command("train", Description = "Train a head on cached features.")]
    [GivenOptions]
    public async Task RunAsync(TrainArguments arguments, [FromService] ICoconaAppContextAccessor context)
    {
        var cancellationToken = context.Current!.CancellationToken;
        var time = TimeProvider.System;
        var start = time.GetTimestamp();
        var begun = arguments.Resume ? RunFolder.Unfinished(arguments.Out) : null;
        if (arguments.Resume && begun is null && RunFolder.Finished(arguments.Out) is { } finished)
        {
            TellFinished(arguments, finished);
            return;
        }

        arguments = begun?.Arguments.ContinuedAs(arguments, Given) ?? arguments;
        var options = arguments.ToOptions();
        var spec = HeadSpec.Parse(arguments.Head);
        var device = TrainingDevice.Resolve(arguments.Device);
        var words = new TrainWords(arguments.Json ? Console.Error : Console.Out, options);

        var cacheState = CacheState.Of(arguments.Cache);
        var valState = arguments.Val is null ? null : CacheState.Of(arguments.Val);
        RequireUnchanged(begun, cacheState, valState, arguments);
        var cache = await FeatureCache.OpenAsync(arguments.Cache, cancellationToken).ConfigureAwait(false);
        var layer = arguments.Layer is null ? cache.Contract.Layers[^1] : cache.Layer(arguments.Layer);
        var valCache = arguments.Val is null ? null : await OpenValidationAsync(arguments.Val, cache, layer, cancellationToken).ConfigureAwait(false);
        var split = valCache is null
            ? RowSplit.Of(cache.Rows, cache.Folder, arguments.ValSplit, arguments.Seed)
            : RowSplit.Between(cache.Rows, cache.Folder, valCache.Rows, valCache.Folder);
        var classes = RowSplit.Classes(cache.Rows, split.Train);
        ClassWeights.RequireKnown(options.ClassWeights, classes);
        var plan = HeadPlan.Create(spec, layer, classes.Count);
        if (options.Optimizer == OptimizerChoice.Lbfgs)
            LinearSolution.RequireLinear(plan);
        using var head = new Head(plan, arguments.Seed, device);

        using var run = RunFolder.Create(arguments.Out, arguments.Resume);
        var checkpoint = new Checkpoint(run.CheckpointPath, TimeSpan.FromSeconds(arguments.CheckpointEvery), time);
        run.Continue(checkpoint.Epochs);
        var origin = begun ?? new RunStart(arguments, time.GetUtcNow(), RunVersions.Current, TorchSharp.torch.get_num_threads(), cacheState, valState);
        run.Begin(origin);
        words.Begin(cache, layer, split, head, device);
        if (arguments.Resume)
            words.Resume(arguments, begun, checkpoint.Epochs.Count);
        var sets = await ProgressDisplay.RunAsync("loading", "images", time, async begin =>
        {
            if (valCache is null)
            {
                return await new FeatureLoader(cache, layer, head)
                    .LoadAsync(classes, [split.Train, split.Validation], begin(cache.Rows.Count), cancellationToken).ConfigureAwait(false);
            }

            var train = await new FeatureLoader(cache, layer, head).LoadAsync(classes, [split.Train], begin(cache.Rows.Count), cancellationToken).ConfigureAwait(false);
            var val = await new FeatureLoader(valCache, layer, head).LoadAsync(classes, [split.Validation], begin(valCache.Rows.Count), cancellationToken).ConfigureAwait(false);
            return [.. train, .. val];
        }).ConfigureAwait(false);
        using var trainSet = sets[0];
        using var valSet = sets[1];
        var loadSeconds = time.GetElapsedTime(start).TotalSeconds;
        RequireUnchanged(origin, CacheState.Of(arguments.Cache), arguments.Val is null ? null : CacheState.Of(arguments.Val), arguments);

        var training = TrainingLoop.Run(head, trainSet, valSet, classes, options, Report, time, checkpoint, cancellationToken);
        if (training is not { Kept: { } kept, Best: { } best })
            throw new CommandException("Interrupted before the first epoch was finished; nothing was kept.", ExitCode.Interrupted);

        var secondsPerEpoch = Median(training.Epochs.Select(e => e.Seconds));
        var result = new RunResult
        {
            Classes = classes,
            Epochs = training.Epochs.Count,
            BestEpoch = best.Epoch,
            SavedEpoch = kept.Epoch,
            Train = kept.Train,
            Val = kept.Val,
            LoadSeconds = loadSeconds,
            Seconds = time.GetElapsedTime(start).TotalSeconds,
            SecondsPerEpoch = secondsPerEpoch,
            RowsPerSecond = trainSet.Count / secondsPerEpoch,
            Parameters = head.Plan.Parameters,
            TrainableParameters = head.Plan.Parameters,
            PeakMemoryBytes = PeakMemory.Bytes(),
            Interrupted = training.Interrupted,
            ResumedAfter = training.ResumedAfter > 0 ? training.ResumedAfter : null,
            Solution = training.Solution,
            Note = cache.Contract.ModelNote,
        };
        run.Finish(
            new RunFile
            {
                Command = CommandText.Of(arguments),
                Arguments = arguments,
                Started = origin.Started,
                Versions = RunVersions.Current,
                Cache = Describe(cache),
                ValidationCache = valCache is null ? null : Describe(valCache),
                Split = new RunSplit(split.How, split.TrainImages, split.Validation.Count, arguments.ValSplit),
                Layer = layer,
                Head = spec.ToString(),
                Classes = classes,
                Options = options,
                Device = device.type == TorchSharp.DeviceType.CUDA ? "cuda" : "cpu",
                Result = result,
            },
            head);

        words.End(arguments, result);
        if (arguments.Json)
            JsonOutput.Write(result);
        if (training.Interrupted)
        {
            throw new CommandException(
                $"Interrupted after epoch {result.Epochs} of {options.Epochs}; the head of epoch {kept.Epoch} is kept in {arguments.Out}. --resume goes on.",
                ExitCode.Interrupted);
        }

        void Report(EpochRecord epoch)
        {
            run.Append(epoch);
            words.Epoch(epoch);
        }
    }

    // A job that is started again after it was done has nothing to do, which is no failure.
    private void TellFinished(TrainArguments arguments, RunFile run)
    {
        run.Arguments?.ContinuedAs(arguments, Given);
        (arguments.Json ? Console.Error : Console.Out).WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{arguments.Out} is finished: validation accuracy {run.Result.Val.Accuracy:0.0000}, loss {run.Result.Val.Loss:0.0000}. There is nothing to resume."));
        if (arguments.Json)
            JsonOutput.Write(run.Result);
    }

    private static void RequireUnchanged(RunStart? begun, CacheState cache, CacheState? val, TrainArguments arguments)
    {
        if (begun is null)
            return;
        Require(arguments.Cache, cache.ChangeSince(begun.Cache));
        if (val is not null && begun.ValidationCache is { } valBegun)
            Require(arguments.Val!, val.ChangeSince(valBegun));

        void Require(string folder, string? change)
        {
            if (change is not null)
            {
                throw new CommandException($"{folder} is not what it was when the run in {arguments.Out} began: {change}. " +
                    "Wait until nothing writes to it, then train into another --out, or delete that folder first.");
            }
        }
    }

    private static async Task<FeatureCache> OpenValidationAsync(string folder, FeatureCache cache, ModelLayer layer, CancellationToken cancellationToken)
    {
        var val = await FeatureCache.OpenAsync(folder, cancellationToken).ConfigureAwait(false);

        // Validation reads plain images only, so it doesn't matter from what either cache's views were drawn.
        var ours = cache.Contract with { Layers = [layer], Augmentation = null };
        if (ours.FirstDifference(val.Contract with { Layers = [val.Layer(layer.Name)] }) is { } difference)
        {
            throw new CommandException($"{folder} was made with {difference.Field} '{difference.Right}', but {cache.Folder} with '{difference.Left}': " +
                "figures on it would mean nothing. Extract it again with the same model.");
        }

        return val;
    }

    private static RunCache Describe(FeatureCache cache) => new(Path.GetFullPath(cache.Folder), cache.Rows.Count, cache.Contract);

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
