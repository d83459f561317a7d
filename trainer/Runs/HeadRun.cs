using Headstart.Trainer.Evaluation;
using Headstart.Trainer.Features;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Reports;
using Headstart.Trainer.Training;

namespace Headstart.Trainer.Runs;

/// <summary>
/// From a head that was trained to a run on disk: the head is judged, its temperature and threshold are fitted, and all of it is written
/// down.
/// </summary>
internal static class HeadRun
{
    /// <param name="run">Gets weights, report and <c>run.json</c>.</param>
    /// <param name="origin">How the run began.</param>
    /// <param name="arguments">What it was made with.</param>
    /// <param name="data">What it was made from.</param>
    /// <param name="head">With the weights that are kept.</param>
    /// <param name="training">At least one epoch of it was finished.</param>
    /// <param name="trainImages">How many images an epoch saw.</param>
    /// <param name="validation">What judges, as <see cref="Head.Reduce"/> leaves it.</param>
    /// <param name="loadSeconds">What reading the features took.</param>
    /// <param name="seconds">What all of it took, asked for once the head is judged.</param>
    /// <exception cref="CommandException">The disk is full, or the like.</exception>
    public static RunResult Finish(
        RunFolder run, RunStart origin, TrainRequest arguments, TrainingData data, Head head, TrainingResult training, int trainImages, FeatureSource validation,
        double loadSeconds, Func<double> seconds)
    {
        var logits = TrainingLoop.Predict(head, validation);
        var calibration = Calibration.Fit(logits, validation.Labels, data.Classes.Count, ThresholdRule.Parse(arguments.Threshold));
        var judged = Judgement.Of(logits, validation.Labels, data.Classes, calibration);
        var result = RunResult.Of(training, judged, calibration, data, trainImages, head, loadSeconds, seconds());
        var file = new RunFile
        {
            Command = arguments.Command,
            Arguments = arguments,
            Started = origin.Started,
            Versions = RunVersions.Current,
            Cache = RunCache.Of(data.Cache),
            MoreCaches = data.Joined.Caches.Count > 1 ? [.. data.Joined.Caches.Skip(1).Select(RunCache.Of)] : null,
            ValidationCache = data.ValidationCache is null ? null : RunCache.Of(data.ValidationCache),
            Split = new RunSplit(data.Split.How, data.Split.TrainImages, data.Split.Validation.Count, arguments.ValSplit),
            Layer = data.Layer,
            Head = head.Plan.Spec.ToString(),
            Classes = data.Classes,
            Options = arguments.ToOptions(),
            Calibration = calibration,
            Device = head.Device.type == TorchSharp.DeviceType.CUDA ? "cuda" : "cpu",
            Result = result,
        };
        RunReport.Write(run.Path, file, training.Epochs, new JudgedImages(data.ValidationPaths, judged.Predictions, data.Classes), judged.Report, new Thumbnails(arguments.Images));
        run.Finish(file, head);
        return result;
    }
}
