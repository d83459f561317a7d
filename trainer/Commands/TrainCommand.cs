using Cocona;
using Cocona.Application;
using Headstart.CommandLine;
using Headstart.Trainer.Evaluation;
using Headstart.Trainer.Features;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Runs;
using Headstart.Trainer.Tensors;
using Headstart.Trainer.Training;

namespace Headstart.Trainer.Commands;

/// <summary><c>trainer train</c>: a cache in, a run out.</summary>
public sealed class TrainCommand
{
    /// <summary>The options that were typed.</summary>
    internal IReadOnlySet<string> Given { get; set; } = new HashSet<string>();

    /// <summary>The caches behind the first.</summary>
    internal IReadOnlyList<string> More { get; set; } = [];

    [Command("train", Description = "Train a head on cached features.")]
    [GivenOptions]
    [MoreArguments]
    public async Task RunAsync(TrainArguments commandLine, [FromService] ICoconaAppContextAccessor context)
    {
        var arguments = (commandLine with { More = More.Count > 0 ? [.. More] : null }).ToRequest();
        var cancellationToken = context.Current!.CancellationToken;
        var time = TimeProvider.System;
        var start = time.GetTimestamp();
        var begun = commandLine.Resume ? RunFolder.Unfinished(arguments.Out) : null;
        if (commandLine.Resume && begun is null && SaysFinished(arguments, commandLine.Json))
            return;

        if (begun is { Arguments: null })
            throw new CommandException($"{arguments.Out} holds a run that 'trainer finetune' began. Go on with it by that command, or choose another --out.");
        arguments = begun?.Arguments.ContinuedAs(arguments, Given) ?? arguments;
        var options = arguments.ToOptions();
        var thresholdRule = ThresholdRule.Parse(arguments.Threshold);
        var spec = HeadSpec.Parse(arguments.Head);
        var words = new TrainWords(commandLine.Json ? Console.Error : Console.Out, options);

        var state = CachesState.Of(arguments.Caches, arguments.Val);
        var folders = (arguments.Caches, arguments.Val, arguments.Out);
        begun?.RequireSame(state, folders);
        var data = await TrainingData.OpenAsync(arguments.Caches, arguments.Val, arguments.Layer, arguments.ValSplit, arguments.Seed, cancellationToken);
        data.WarnOfCaches(commandLine.RequireComplete, Console.Error);
        ClassWeights.RequireKnown(options.ClassWeights, data.Classes);
        thresholdRule.RequireTwoClasses(data.Classes);
        var plan = HeadPlan.Create(spec, data.Layer, data.Classes.Count);
        if (options.Optimizer == OptimizerChoice.Lbfgs)
            LinearSolution.RequireLinear(plan);
        var memory = MemoryPlan.Of(
            arguments.Memory is null ? null : MemorySize.Parse(arguments.Memory), arguments.BlockRows, data, plan, options.Batch,
            begun is null ? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes : null);

        // What the machine decided is written down as if it had been typed: the run is repeated, and resumed, in the same order on any
        // machine.
        arguments = arguments with { Memory = memory.Limit?.ToString() };
        var device = TrainingDevice.Resolve(arguments.Device);
        using var head = new Head(plan, arguments.Seed, device);

        using var run = RunFolder.Create(arguments.Out, commandLine.Resume);
        var checkpoint = new Checkpoint(run.CheckpointPath, TimeSpan.FromSeconds(commandLine.CheckpointEvery), time);
        run.Continue(checkpoint.Epochs);
        var origin = begun ?? new RunStart(
            time.GetUtcNow(), RunVersions.Current, TorchSharp.torch.get_num_threads(), state.Caches[0], state.Validation, arguments, MoreCaches: [.. state.Caches.Skip(1)]);
        run.Begin(origin);
        words.Begin(data, head, device);
        words.Memory(memory, data, head);
        if (commandLine.Resume)
            words.Resume(arguments.Out, begun, checkpoint.Epochs.Count);
        using var features = await ProgressDisplay.RunAsync(
            "loading", "images", time, begin => TrainingFeatures.OpenAsync(data, memory, head, run.Path, begin(memory.RowsToLoad(data)), cancellationToken));
        thresholdRule.RequireBothClasses(features.Validation.Labels);
        var loadSeconds = time.GetElapsedTime(start).TotalSeconds;
        RequireUnchanged();

        TrainingResult training;
        try
        {
            training = TrainingLoop.Run(head, features.Train, features.Validation, data.Classes, options, Report, time, checkpoint, cancellationToken);
        }
        catch (CommandException) when (memory.IsStreamed)
        {
            // A part that can't be read is mostly one that somebody is replacing.
            RequireUnchanged();
            throw;
        }

        if (training.Kept is null)
            throw new CommandException("Interrupted before the first epoch was finished; nothing was kept.", ExitCode.Interrupted);

        var result = HeadRun.Finish(
            run, origin, arguments, data, head, training, features.Train.Count, features.Validation, loadSeconds, () => time.GetElapsedTime(start).TotalSeconds);
        words.End(arguments, result);
        if (commandLine.Json)
            JsonOutput.Write(result);
        if (training.Interrupted)
        {
            throw new CommandException(
                $"Interrupted after epoch {result.Epochs} of {options.Epochs}; the head of epoch {result.SavedEpoch} is kept in {arguments.Out}. --resume goes on.",
                ExitCode.Interrupted);
        }

        void RequireUnchanged() => origin.RequireSame(CachesState.Of(arguments.Caches, arguments.Val), folders);

        void Report(EpochRecord epoch)
        {
            // An epoch that read changed features is not kept: the checkpoint before it stays.
            if (memory.IsStreamed)
                RequireUnchanged();
            run.Append(epoch);
            words.Epoch(epoch);
        }
    }

    private bool SaysFinished(TrainRequest arguments, bool asJson)
    {
        if (RunFolder.Finished(arguments.Out) is not { } finished)
            return false;
        finished.Arguments?.ContinuedAs(arguments, Given);
        TrainWords.Finished(asJson ? Console.Error : Console.Out, arguments.Out, finished.Result);
        if (asJson)
            JsonOutput.Write(finished.Result);
        return true;
    }
}
