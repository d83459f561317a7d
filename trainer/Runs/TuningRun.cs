using Headstart.Cache;
using Headstart.CommandLine;
using Headstart.Models;
using Headstart.Trainer.Evaluation;
using Headstart.Trainer.FineTuning;
using Headstart.Trainer.Tensors;
using Headstart.Trainer.Training;

namespace Headstart.Trainer.Runs;

/// <summary>
/// From a run and its base to a run with a tuned base on disk: all of <c>trainer finetune</c>, once for it and once for a sweep's best run.
/// </summary>
internal static class TuningRun
{
    /// <param name="arguments">Of the run that was begun, where it goes on.</param>
    /// <param name="begun">How it was begun; null for a new one.</param>
    /// <param name="output">Told how it goes, in words.</param>
    /// <param name="start">When the command began.</param>
    /// <param name="kernels">Compute the base's convolutions; the usual ones when null.</param>
    /// <param name="cancellationToken">Ends it after a finished epoch, which is kept; the result says so then.</param>
    /// <exception cref="CommandException">Something that doesn't fit, or it was ended before an epoch was finished.</exception>
    public static async Task<RunResult> MakeAsync(
        FinetuneRequest arguments, RunStart? begun, RunControl control, TextWriter output, TimeProvider time, long start,
        CancellationToken cancellationToken,
        ConvolutionKernels? kernels = null)
    {
        var run = RunFolder.Read(arguments.Run);
        var options = arguments.ToOptions(run.Options);
        var device = TrainingDevice.Resolve(arguments.Device);
        options.Precision.RequireFast(device);
        var words = new FinetuneWords(output, options);

        var model = ModelFile.Load(arguments.Model);
        RunTuning.RequireFloat32(model, run.Cache.Contract, arguments.Run);
        RunTuning.RequireModel(model, arguments.Run, run.Cache.Contract.ModelSha256, run.Cache.Contract.Model);
        var cached = arguments.Cache is null ? null : await FeatureCache.PeekContractsAsync(arguments.Cache, cancellationToken);
        var part = UnfrozenPart.Of(
            model, run.Layer.Name, arguments.Unfreeze, arguments.UnfreezeFrom, [.. cached?.Common.Layers.Select(l => l.Name) ?? []]);
        var images = await RunImages.OpenAsync(run, arguments.Run, arguments.RunCache, arguments.Cache, cancellationToken);
        ClassWeights.RequireKnown(options.Training.ClassWeights, run.Classes);
        var inputs = await TuningInputs.OpenAsync(arguments, run, images, model, part, cancellationToken);
        foreach (var cache in new[] { inputs.Cache, inputs.ValCache }.OfType<FeatureCache>())
            FolderWords.Warn(cache, control.RequireComplete, Console.Error);
        if (inputs.Cache is null)
            images.Data.WarnOfCaches(control.RequireComplete, Console.Error);
        var state = CachesState.Of([inputs.Folder], inputs.ValFolder);
        begun?.RequireSame(state, arguments.Out);

        using var network = TunedRun.Load(arguments.Run, run, model, inputs.Prefix?.Name, device, options.Precision, kernels);
        network.Unfreeze(part.From);
        var groups = TuningGroups.Describe(network, options);
        using var session = new RunSession(
            arguments.Out, begun, RunStart.Now(state, time) with { Tuning = arguments }, state, control, time, start);
        words.Begin(arguments, model, images, inputs.Prefix, network, groups, device);
        words.Resume(session);

        using var sets = await ProgressDisplay.RunAsync(
            "loading", "images", time,
            begin => inputs.LoadAsync(images, model, options, device, begin(inputs.RowsToRead), cancellationToken));
        session.Loaded();
        session.RequireUnchanged();
        foreach (var note in TailCheck.Run(network.Base, sets.Validation, cancellationToken))
            words.Note(note);
        if (TuningLoop.Predict(network, sets.Validation, options.Training.Batch, cancellationToken) is not { } logitsBefore)
            throw new CommandException("Interrupted before the first step; nothing was tuned. --resume goes on.", ExitCode.Interrupted);
        var before = Figures.FromLogits(logitsBefore, sets.Validation.Labels, run.Classes.Count);
        words.Before(before);
        if (images.Data.Split.Validation.Count == run.Split.Val)
        {
            ComputePrecision[] precisions = [options.Precision, run.Tuning?.Arguments.Precision ?? ComputePrecision.Float32];
            FirstEvaluation.Require(
                before, run.Result.PlainVal, run.Split.Val, precisions, device.type, Path.Combine(arguments.Run, RunFolder.RunName));
        }

        var candidate = new EpochRecord(0, run.Result.Train, before, 0, 0);
        var training = TuningLoop.Run(
            network, sets.Train, sets.Validation, run.Classes, options, Report, time, session.Checkpoint, candidate, cancellationToken);

        // Tuned weights are sure of other things than the head that they come from: its temperature and threshold don't fit them.
        var rule = ThresholdRule.Parse(run.Calibration?.ThresholdRule ?? ThresholdRule.Default);
        var trained = new TrainedHead(
            network.Head, training, images.Data, sets.Train.Count,
            () => TuningLoop.Predict(network, sets.Validation, options.Training.Batch, CancellationToken.None)!,
            sets.Validation.Labels, [.. images.Validation.Select(i => i.Path)]);
        var result = session.Finish(trained, rule, Describe, images.PictureFolder(arguments), () => network.TunedTensors);
        words.End(arguments, result);
        return result;

        RunFile Describe(RunResult result) => run with
        {
            Command = arguments.Command,
            Arguments = null,
            Started = session.Started,
            Versions = RunVersions.Current,
            Cache = inputs.Cache is null ? run.Cache : RunCache.Of(inputs.Cache),
            ValidationCache = inputs.ValCache is null ? run.ValidationCache : RunCache.Of(inputs.ValCache),
            MoreCaches = null,
            Split = options.Training.Seed == run.SplitSeed ? run.Split with { Seed = null } : run.Split with { Seed = run.SplitSeed },
            Options = options.Training,
            Calibration = result.Calibration,
            Device = TrainingDevice.Word(device),
            Tuning = new RunTuning
            {
                Arguments = arguments,
                From = Path.GetFullPath(arguments.Run),
                Model = Path.GetFullPath(arguments.Model),
                ModelSha256 = model.Sha256,
                UnfrozenFrom = part.From,
                Prefix = inputs.Prefix?.Name,
                Groups = groups,
            },
            Result = result with
            {
                // As the run ships that it goes on from: with its own temperature and threshold.
                Before = Figures.Of(Predictions.FromLogits(logitsBefore, sets.Validation.Labels, run.Classes.Count, run.Calibration)),
                Parameters = network.Head.Plan.Parameters +
                    model.Proto.Graph.Initializer.Sum(t => t.Dims.Aggregate(1L, (product, d) => product * d)),
                TrainableParameters = groups.Sum(g => g.Weights),
            },
        };

        void Report(EpochRecord epoch)
        {
            session.Append(epoch);
            words.Epoch(epoch);
        }
    }
}
