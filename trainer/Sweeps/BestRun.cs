using Headstart.Training.Commands;
using Headstart.Training.Heads;
using Headstart.Training.Runs;
using static TorchSharp.torch;

namespace Headstart.Training.Sweeps;

/// <summary>The run of a sweep's best trial: trained once more, alone and as <c>trainer train</c> does, so that the command in it repeats it to the last bit.</summary>
/// <remarks>With folds there was no such training before: no fold has all the rows that <c>train</c> learns from.</remarks>
internal static class BestRun
{
    private static readonly TimeSpan CheckpointInterval = TimeSpan.FromSeconds(10);

    /// <param name="arguments">Of the best trial; say where the run goes.</param>
    /// <param name="data">The caches.</param>
    /// <param name="features">With the rows and the form that the head reads.</param>
    /// <param name="state">Of the caches.</param>
    /// <param name="loadSeconds">What reading the features took.</param>
    /// <exception cref="OperationCanceledException">It goes on when the sweep does.</exception>
    public static RunResult Train(
        TrainArguments arguments, SweepData data, SweepFeatures features, CachesState state, double loadSeconds, Device device, TimeProvider time,
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
        var (train, validation) = features.Select(FeatureForm.Of(layer.Name, plan), plan, training.Split);
        using var _ = train;
        using var __ = validation;
        var result = TrainingLoop.Run(head, train, validation, training.Classes, options, run.Append, time, checkpoint, cancellationToken);
        if (result.Kept is null || result.Interrupted)
            throw new OperationCanceledException(cancellationToken);
        return HeadRun.Finish(
            run, origin, arguments, training, head, result, train.Count, validation, loadSeconds, () => loadSeconds + time.GetElapsedTime(start).TotalSeconds);
    }
}
