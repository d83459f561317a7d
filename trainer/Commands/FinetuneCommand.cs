using Cocona;
using Cocona.Application;
using Headstart.CommandLine;
using Headstart.Models;
using Headstart.Training.Evaluation;
using Headstart.Training.FineTuning;
using Headstart.Training.Reports;
using Headstart.Training.Runs;
using TorchSharp;

namespace Headstart.Training.Commands;

/// <summary><c>trainer finetune</c>: a run and its base in, a run with a tuned base out.</summary>
public sealed class FinetuneCommand
{
    /// <summary>The options that were typed.</summary>
    internal IReadOnlySet<string> Given { get; set; } = new HashSet<string>();

    [Command("finetune", Description = "Tune the base's last blocks together with a trained head.")]
    [GivenOptions]
    public async Task RunAsync(FinetuneArguments arguments, [FromService] ICoconaAppContextAccessor context)
    {
        var cancellationToken = context.Current!.CancellationToken;
        var time = TimeProvider.System;
        var start = time.GetTimestamp();
        var begun = arguments.Resume ? RunFolder.Unfinished(arguments.Out) : null;
        if (arguments.Resume && begun is null && RunFolder.Finished(arguments.Out) is { } finished)
        {
            finished.Tuning?.Arguments.ContinuedAs(arguments, Given);
            TrainWords.Finished(arguments.Json ? Console.Error : Console.Out, arguments.Out, finished.Result);
            if (arguments.Json)
                JsonOutput.Write(finished.Result);
            return;
        }

        if (begun is { Tuning: null })
            throw new CommandException($"{arguments.Out} holds a run that 'trainer train' began. Go on with it by that command, or choose another --out.");
        arguments = begun?.Tuning.ContinuedAs(arguments, Given) ?? arguments;
        var run = RunFolder.Read(arguments.Run);
        var options = arguments.ToOptions(run);
        var device = TrainingDevice.Resolve(arguments.Device);
        options.Precision.RequireFast(device);
        var words = new FinetuneWords(arguments.Json ? Console.Error : Console.Out, options);

        var model = ModelFile.Load(arguments.Model);
        RunTuning.RequireFloat32(model, run, arguments.Run);
        RunTuning.RequireModel(model, arguments.Run, run.Cache.Contract.ModelSha256, run.Cache.Contract.Model);
        var part = UnfrozenPart.Of(model, run.Layer.Name, arguments.Unfreeze, arguments.UnfreezeFrom);
        var images = await RunImages.OpenAsync(run, arguments.Run, arguments.RunCache, arguments.Cache, cancellationToken).ConfigureAwait(false);
        ClassWeights.RequireKnown(options.Training.ClassWeights, run.Classes);
        var inputs = await TuningInputs.OpenAsync(arguments, run, images, model, part, cancellationToken).ConfigureAwait(false);
        var state = CachesState.Of([inputs.Folder], inputs.ValFolder);
        (IReadOnlyList<string>, string?, string) folders = ([inputs.Folder], inputs.ValFolder, arguments.Out);
        begun?.RequireSame(state, folders);

        using var network = TunedNetwork.Load(arguments.Run, run, model, inputs.Prefix?.Name, device, options.Precision);
        network.Unfreeze(part.From);
        var groups = TuningGroups.Describe(network, options);
        using var folder = RunFolder.Create(arguments.Out, arguments.Resume);
        var checkpoint = new Checkpoint(folder.CheckpointPath, TimeSpan.FromSeconds(arguments.CheckpointEvery), time);
        folder.Continue(checkpoint.Epochs);
        var origin = begun ?? new RunStart(time.GetUtcNow(), RunVersions.Current, torch.get_num_threads(), state.Caches[0], state.Validation, Tuning: arguments);
        folder.Begin(origin);
        words.Begin(arguments, model, images, inputs.Prefix, network, groups, device);
        if (arguments.Resume)
            words.Resume(arguments.Out, begun, checkpoint.Epochs.Count);

        using var sets = await ProgressDisplay.RunAsync(
            "loading", "images", time, begin => inputs.LoadAsync(images, model, options, device, begin(inputs.RowsToRead), cancellationToken)).ConfigureAwait(false);
        var loadSeconds = time.GetElapsedTime(start).TotalSeconds;
        origin.RequireSame(CachesState.Of([inputs.Folder], inputs.ValFolder), folders);
        var before = TuningLoop.Evaluate(network, sets.Validation, options.Training.Batch, cancellationToken);
        words.Before(before);
        var training = TuningLoop.Run(network, sets.Train, sets.Validation, run.Classes, options, Report, time, checkpoint, cancellationToken);
        if (training.Kept is null)
            throw new CommandException("Interrupted before the first epoch was finished; nothing was kept.", ExitCode.Interrupted);

        // Tuned weights are sure of other things than the head that they come from: its temperature and threshold don't fit them.
        var logits = TuningLoop.Predict(network, sets.Validation, options.Training.Batch, CancellationToken.None)!;
        var rule = ThresholdRule.Parse(run.Calibration?.ThresholdRule ?? ThresholdRule.Default);
        var calibration = Calibration.Fit(logits, sets.Validation.Labels, run.Classes.Count, rule);
        var predictions = Predictions.FromLogits(logits, sets.Validation.Labels, run.Classes.Count);
        var result = RunResult.Of(training, images.Data, sets.Train.Count, network.Head, loadSeconds, time.GetElapsedTime(start).TotalSeconds) with
        {
            Validation = EvaluationReport.Of(predictions, run.Classes),
            Calibration = calibration,
            Before = before,
            Parameters = network.Head.Plan.Parameters + model.Proto.Graph.Initializer.Sum(t => t.Dims.Aggregate(1L, (product, d) => product * d)),
            TrainableParameters = groups.Sum(g => g.Weights),
        };
        var file = run with
        {
            Command = arguments.ToCommand(),
            Arguments = null,
            Started = origin.Started,
            Versions = RunVersions.Current,
            Cache = inputs.Cache is null ? run.Cache : RunCache.Of(inputs.Cache),
            ValidationCache = inputs.ValCache is null ? run.ValidationCache : RunCache.Of(inputs.ValCache),
            MoreCaches = null,
            Split = options.Training.Seed == run.SplitSeed ? run.Split with { Seed = null } : run.Split with { Seed = run.SplitSeed },
            Options = options.Training,
            Calibration = calibration,
            Device = device.type == DeviceType.CUDA ? "cuda" : "cpu",
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
            Result = result,
        };
        var judged = new JudgedImages([.. images.Validation.Select(i => i.Path)], predictions, run.Classes);
        RunReport.Write(folder.Path, file, training.Epochs, judged, result.Validation, new Thumbnails(images.PictureFolder(arguments)));
        folder.Finish(file, network.Head, network.TunedTensors);

        words.End(arguments, result);
        if (arguments.Json)
            JsonOutput.Write(result);
        if (training.Interrupted)
        {
            throw new CommandException(
                $"Interrupted after epoch {result.Epochs} of {options.Training.Epochs}; the weights of epoch {result.SavedEpoch} are kept in {arguments.Out}. --resume goes on.",
                ExitCode.Interrupted);
        }

        void Report(EpochRecord epoch)
        {
            folder.Append(epoch);
            words.Epoch(epoch);
        }
    }
}
