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
    private static readonly RunControl Control = new(Resume: true, RequireComplete: false, TimeSpan.FromSeconds(10));

    /// <summary>The commands that made it.</summary>
    public IReadOnlyList<string> Commands => Again("");

    /// <param name="trial">The best one.</param>
    /// <param name="data">The caches.</param>
    /// <param name="features">With the rows and the form that the head reads.</param>
    /// <param name="state">Of the caches.</param>
    /// <param name="loadSeconds">What reading the features took.</param>
    /// <exception cref="OperationCanceledException">It goes on when the sweep does.</exception>
    public static async Task<BestRun> MakeAsync(
        Trial trial, SweepData data, SweepFeatures features, CachesState state, double loadSeconds, Device device, TimeProvider time,
        CancellationToken cancellationToken)
    {
        var head = trial.Tuning is { } later ? trial.Arguments with { Out = later.Run } : trial.Arguments;
        var result = await MakeAsync(head.Out, () => Task.FromResult(Train(head)), cancellationToken);
        if (trial.Tuning is not { } tuning)
            return new BestRun(head.Out, result, suffix => [(head with { Out = head.Out + suffix }).Command]);

        result = await MakeAsync(
            tuning.Out,
            () => TuningRun.MakeAsync(
                tuning, RunFolder.Unfinished(tuning.Out), Control, TextWriter.Null, time, time.GetTimestamp(), cancellationToken),
            cancellationToken);
        return new BestRun(
            tuning.Out,
            result,
            suffix =>
            [
                (head with { Out = head.Out + suffix }).Command,
                (tuning with { Run = tuning.Run + suffix, Out = tuning.Out + suffix }).Command,
            ]);

        RunResult Train(TrainRequest arguments)
        {
            // What the sweep took to read the features counts as this run's.
            var start = time.GetTimestamp() - (long)(loadSeconds * time.TimestampFrequency);
            var layer = data.Layer(arguments.Layer);
            var ofRun = data.Data with { Layer = layer, Split = data.TrainSplit(arguments.Seed) };
            var plan = HeadPlan.Create(HeadSpec.Parse(arguments.Head), layer, ofRun.Classes.Count);
            using var network = new Head(plan, arguments.Seed, device);
            using var session = new RunSession(
                arguments.Out, RunFolder.Unfinished(arguments.Out), RunStart.Now(state, time) with { Arguments = arguments }, state,
                Control, time, start);
            session.Loaded();
            var (train, validation) = features.Select(FeatureForm.Of(layer.Name, plan), plan.Stored, ofRun.Split);
            using var _ = train;
            using var __ = validation;
            var training = TrainingLoop.Run(
                network, train, validation, ofRun.Classes, arguments.ToOptions(), session.Append, time, session.Checkpoint,
                cancellationToken);
            return training.Interrupted
                ? throw new OperationCanceledException(cancellationToken)
                : HeadRun.Finish(session, arguments, ofRun, network, training, train.Count, validation);
        }
    }

    private static async Task<RunResult> MakeAsync(string folder, Func<Task<RunResult>> make, CancellationToken cancellationToken)
    {
        if (RunFolder.Finished(folder) is { } finished)
            return finished.Result;
        try
        {
            var result = await make();
            return result.Interrupted ? throw new OperationCanceledException(cancellationToken) : result;
        }
        catch (CommandException e) when (e.ExitCode == ExitCode.Interrupted)
        {
            throw new OperationCanceledException("before an epoch was finished", e, cancellationToken);
        }
    }
}
