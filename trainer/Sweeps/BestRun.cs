using Headstart.Trainer.Heads;
using Headstart.Trainer.Runs;
using Headstart.Trainer.Training;
using static TorchSharp.torch;

namespace Headstart.Trainer.Sweeps;

/// <summary>
/// The run of a sweep's best trial: made once more, alone and as <c>trainer train</c> and <c>trainer finetune</c> do, so that the commands
/// in it repeat it to the last bit.
/// </summary>
/// <remarks>With folds there was no such training before: no fold has all the rows that <c>train</c> learns from.</remarks>
/// <param name="Folder">Where it is.</param>
/// <param name="Result">What came of it.</param>
/// <param name="Again">The commands that make another one like it: the last makes the run, one before it the head that it is tuned
/// from.</param>
internal sealed record BestRun(string Folder, RunResult Result, Func<string, IReadOnlyList<string>> Again)
{
    private static readonly TimeSpan CheckpointInterval = TimeSpan.FromSeconds(10);

    /// <summary>The commands that made it.</summary>
    public IReadOnlyList<string> Commands => Again("");

    /// <param name="trial">The best one.</param>
    /// <param name="data">The caches.</param>
    /// <param name="features">With the rows and the form that the head reads.</param>
    /// <param name="state">Of the caches.</param>
    /// <param name="loadSeconds">What reading the features took.</param>
    /// <exception cref="OperationCanceledException">It goes on when the sweep does.</exception>
    public static async Task<BestRun> MakeAsync(
        Trial trial, SweepData data, SweepFeatures features, CachesState state, double loadSeconds, Device device, TimeProvider time, CancellationToken cancellationToken)
    {
        if (trial.Tuning is not { } tuning)
        {
            var result = Train(trial.Arguments, data, features, state, loadSeconds, device, time, cancellationToken);
            return new BestRun(trial.Arguments.Out, result, suffix => [(trial.Arguments with { Out = trial.Arguments.Out + suffix }).Command]);
        }

        var head = trial.Arguments with { Out = tuning.Run };
        Train(head, data, features, state, loadSeconds, device, time, cancellationToken);
        return new BestRun(
            tuning.Out,
            await TuneAsync(tuning, time, cancellationToken),
            suffix => [(head with { Out = head.Out + suffix }).Command, (tuning with { Run = tuning.Run + suffix, Out = tuning.Out + suffix }).Command]);
    }

    private static RunResult Train(
        TrainRequest arguments, SweepData data, SweepFeatures features, CachesState state, double loadSeconds, Device device, TimeProvider time,
        CancellationToken cancellationToken)
    {
        if (RunFolder.Finished(arguments.Out) is { } finished)
            return finished.Result;
        var start = time.GetTimestamp();
        var layer = data.Layer(arguments.Layer);
        var training = data.Data with { Layer = layer, Split = data.TrainSplit(arguments.Seed) };
        var options = arguments.ToOptions();
        var plan = HeadPlan.Create(HeadSpec.Parse(arguments.Head), layer, training.Classes.Count);
        using var head = new Head(plan, arguments.Seed, device);
        using var run = RunFolder.Create(arguments.Out, resume: true);
        var checkpoint = new Checkpoint(run.CheckpointPath, CheckpointInterval, time);
        run.Continue(checkpoint.Epochs);
        var origin = RunFolder.Unfinished(arguments.Out)
            ?? new RunStart(time.GetUtcNow(), RunVersions.Current, get_num_threads(), state.Caches[0], state.Validation, arguments);
        run.Begin(origin);
        var (train, validation) = features.Select(FeatureForm.Of(layer.Name, plan), plan.Stored, training.Split);
        using var _ = train;
        using var __ = validation;
        var result = TrainingLoop.Run(head, train, validation, training.Classes, options, run.Append, time, checkpoint, cancellationToken);
        if (result.Kept is null || result.Interrupted)
            throw new OperationCanceledException(cancellationToken);
        return HeadRun.Finish(
            run, origin, arguments, training, head, result, train.Count, validation, loadSeconds, () => loadSeconds + time.GetElapsedTime(start).TotalSeconds);
    }

    private static async Task<RunResult> TuneAsync(FinetuneRequest arguments, TimeProvider time, CancellationToken cancellationToken)
    {
        if (RunFolder.Finished(arguments.Out) is { } finished)
            return finished.Result;
        try
        {
            var begun = RunFolder.Unfinished(arguments.Out);
            var result = await TuningRun.MakeAsync(arguments, begun, new RunControl(Resume: true, RequireComplete: false, CheckpointInterval), TextWriter.Null, time, time.GetTimestamp(), cancellationToken);
            return result.Interrupted ? throw new OperationCanceledException(cancellationToken) : result;
        }
        catch (CommandException e) when (e.ExitCode == ExitCode.Interrupted)
        {
            throw new OperationCanceledException("before an epoch was finished", e, cancellationToken);
        }
    }
}
