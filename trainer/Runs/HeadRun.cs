using Headstart.CommandLine;
using Headstart.Trainer.Evaluation;
using Headstart.Trainer.Features;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Tensors;
using Headstart.Trainer.Training;

namespace Headstart.Trainer.Runs;

/// <summary>From caches to a run with a trained head on disk: all of <c>trainer train</c>.</summary>
internal static class HeadRun
{
    /// <param name="arguments">Of the run that was begun, where it goes on.</param>
    /// <param name="begun">How it was begun; null for a new one.</param>
    /// <param name="output">Told how it goes, in words.</param>
    /// <param name="start">When the command began.</param>
    /// <param name="cancellationToken">Ends it after a finished epoch, which is kept; the result says so then.</param>
    /// <exception cref="CommandException">Something that doesn't fit, or it was ended before an epoch was finished.</exception>
    public static async Task<RunResult> MakeAsync(
        TrainRequest arguments, RunStart? begun, RunControl control, TextWriter output, TimeProvider time, long start,
        CancellationToken cancellationToken)
    {
        var options = arguments.ToOptions();
        var thresholdRule = ThresholdRule.Parse(arguments.Threshold);
        var spec = HeadSpec.Parse(arguments.Head);
        var words = new TrainWords(output, options);

        var state = CachesState.Of(arguments.Caches, arguments.Val);
        begun?.RequireSame(state, arguments.Out);
        var data = await TrainingData.OpenAsync(
            arguments.Caches, arguments.Val, arguments.Layer, arguments.ValSplit, arguments.Seed, cancellationToken);
        data.WarnOfCaches(control.RequireComplete, Console.Error);
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
        using var session = new RunSession(
            arguments.Out, begun, RunStart.Now(state, time) with { Arguments = arguments }, state, control, time, start);
        words.Begin(data, head, device);
        words.Memory(memory, data, head);
        words.Resume(session);
        using var features = await ProgressDisplay.RunAsync(
            "loading", "images", time,
            begin => TrainingFeatures.OpenAsync(data, memory, head, session.Folder, begin(memory.RowsToLoad(data)), cancellationToken));
        thresholdRule.RequireBothClasses(features.Validation.Labels);
        session.Loaded();
        session.RequireUnchanged();

        TrainingResult training;
        try
        {
            training = TrainingLoop.Run(
                head, features.Train, features.Validation, data.Classes, options, Report, time, session.Checkpoint, cancellationToken);
        }
        catch (CommandException) when (memory.IsStreamed)
        {
            // A part that can't be read is mostly one that somebody is replacing.
            session.RequireUnchanged();
            throw;
        }

        var result = Finish(session, arguments, data, head, training, features.Train.Count, features.Validation);
        words.End(arguments, result);
        return result;

        void Report(EpochRecord epoch)
        {
            // An epoch that read changed features is not kept: the checkpoint before it stays.
            if (memory.IsStreamed)
                session.RequireUnchanged();
            session.Append(epoch);
            words.Epoch(epoch);
        }
    }

    /// <summary>Judges a head that was trained and writes its run, whoever trained it.</summary>
    /// <param name="arguments">What it was made with.</param>
    /// <param name="data">What it was made from.</param>
    /// <param name="head">With the weights that are kept.</param>
    /// <param name="trainImages">How many images an epoch saw.</param>
    /// <param name="validation">What judges, as <see cref="Head.Reduce"/> leaves it.</param>
    /// <exception cref="CommandException">No epoch was finished; the disk is full, or the like.</exception>
    public static RunResult Finish(
        RunSession session, TrainRequest arguments, TrainingData data, Head head, TrainingResult training, int trainImages,
        FeatureSource validation)
    {
        var trained = new TrainedHead(
            head, training, data, trainImages, () => TrainingLoop.Predict(head, validation), validation.Labels, data.ValidationPaths);
        return session.Finish(trained, ThresholdRule.Parse(arguments.Threshold), Describe, arguments.Images);

        RunFile Describe(RunResult result) => new()
        {
            Command = arguments.Command,
            Arguments = arguments,
            Started = session.Started,
            Versions = RunVersions.Current,
            Cache = RunCache.Of(data.Cache),
            MoreCaches = data.Joined.Caches.Count > 1 ? [.. data.Joined.Caches.Skip(1).Select(RunCache.Of)] : null,
            ValidationCache = data.ValidationCache is null ? null : RunCache.Of(data.ValidationCache),
            Split = new RunSplit(data.Split.How, data.Split.TrainImages, data.Split.Validation.Count, arguments.ValSplit),
            Layer = data.Layer,
            Head = head.Plan.Spec.ToString(),
            Classes = data.Classes,
            Options = arguments.ToOptions(),
            Calibration = result.Calibration,
            Device = TrainingDevice.Word(head.Device),
            Result = result,
        };
    }
}
