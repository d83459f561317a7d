using System.Runtime.InteropServices;
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
    [Command("train", Description = "Train a head on cached features.")]
    public async Task RunAsync(TrainArguments arguments, [FromService] ICoconaAppContextAccessor context)
    {
        var cancellationToken = context.Current!.CancellationToken;
        var time = TimeProvider.System;
        var started = time.GetUtcNow();
        var start = time.GetTimestamp();
        var options = arguments.ToOptions();
        options.Validate();
        var spec = HeadSpec.Parse(arguments.Head);
        var device = TrainingDevice.Resolve(arguments.Device);
        var words = new TrainWords(arguments.Json ? Console.Error : Console.Out, options);

        var cache = await FeatureCache.OpenAsync(arguments.Cache, cancellationToken).ConfigureAwait(false);
        var layer = arguments.Layer is null ? cache.Contract.Layers[^1] : cache.Layer(arguments.Layer);
        var valCache = arguments.Val is null ? null : await OpenValidationAsync(arguments.Val, cache, layer, cancellationToken).ConfigureAwait(false);
        var split = valCache is null
            ? RowSplit.Of(cache.Rows, cache.Folder, arguments.ValSplit, arguments.Seed)
            : RowSplit.Between(cache.Rows, cache.Folder, valCache.Rows, valCache.Folder);
        var classes = RowSplit.Classes(cache.Rows, split.Train);
        using var head = new Head(HeadPlan.Create(spec, layer, classes.Count), arguments.Seed, device);

        using var run = RunFolder.Create(arguments.Out);
        words.Begin(cache, layer, split, head, device);
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

        var training = TrainingLoop.Run(head, trainSet, valSet, options, Report, time, cancellationToken);
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
            Note = cache.Contract.ModelNote,
        };
        run.Finish(
            new RunFile
            {
                Command = CommandText.Of(arguments),
                Started = started,
                Versions = new RunVersions(ToolVersion.Text, typeof(TorchSharp.torch).Assembly.GetName().Version!.ToString(3), RuntimeInformation.FrameworkDescription, RuntimeInformation.OSDescription),
                Cache = Describe(cache),
                ValidationCache = valCache is null ? null : Describe(valCache),
                Split = new RunSplit(split.How, split.Train.Count, split.Validation.Count, arguments.ValSplit),
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
            throw new CommandException($"Interrupted after epoch {result.Epochs} of {options.Epochs}; the head of epoch {kept.Epoch} is kept in {arguments.Out}.", ExitCode.Interrupted);

        void Report(EpochRecord epoch)
        {
            run.Append(epoch);
            words.Epoch(epoch);
        }
    }

    private static async Task<FeatureCache> OpenValidationAsync(string folder, FeatureCache cache, ModelLayer layer, CancellationToken cancellationToken)
    {
        var val = await FeatureCache.OpenAsync(folder, cancellationToken).ConfigureAwait(false);
        var ours = cache.Contract with { Layers = [layer] };
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
