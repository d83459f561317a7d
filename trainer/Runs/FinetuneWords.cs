using System.Globalization;
using Headstart.CommandLine;
using Headstart.Models;
using Headstart.Trainer.Evaluation;
using Headstart.Trainer.FineTuning;
using Headstart.Trainer.Tensors;
using Headstart.Trainer.Training;
using TorchSharp;

namespace Headstart.Trainer.Runs;

/// <summary>What <c>trainer finetune</c> tells a person, in lines of at most 80 columns (names and paths apart).</summary>
internal sealed class FinetuneWords(TextWriter output, TuningOptions options)
{
    private readonly TrainWords _training = new(output, options.Training);

    /// <param name="prefix">The layer whose features go in; null for pictures.</param>
    /// <param name="groups">What is tuned.</param>
    public void Begin(
        FinetuneRequest arguments, ModelFile model, RunImages images, ModelLayer? prefix, TunedNetwork network,
        IReadOnlyList<TunedGroup> groups, torch.Device device)
    {
        Line(
            $"{arguments.Run}: {images.Train.Count:N0} images to train, {images.Validation.Count:N0} to validate, {images.Data.Split.How}");
        var from = network.UnfrozenFrom ?? "the image";
        Line($"{model.Contract.Name}, tuned after {from} to {network.Base.To}, on the {TrainingDevice.Describe(device)}");
        Line(prefix is null
            ? $"from the pictures in {arguments.Images}{(options.Augment ? ", a view of each for each epoch" : "")}"
            : $"from cached {prefix.Name} ({prefix.Shape}){(options.Augment ? ", a view of each image for each epoch" : "")}");
        foreach (var group in groups)
        {
            var start = group.FirstEpoch > 1 ? $", from epoch {group.FirstEpoch}" : "";
            Line($"  {group.Name}: {group.Weights:N0} weights at {group.LearningRate:0.0##e+0}{start}");
        }

        if (network.Base.HasBatchNorm)
            WrappedText.Write(
                output, "note: ", "Batch norms keep the statistics that they were trained with; their scales and shifts are tuned.");
        else if (VggArchitecture.All.All(a => a.Name != model.Contract.Architecture))
            WrappedText.Write(output, "note: ", "There are no batch norms in this part: if the network had some, they are folded into " +
                "its convolutions, and are tuned with them.");
        if (model.Contract.Weights.Note is { } note)
            WrappedText.Write(output, "note: ", note);
        foreach (var line in images.Notes)
            WrappedText.Write(output, "note: ", line);
    }

    /// <inheritdoc cref="TrainWords.Resume"/>
    public void Resume(RunSession session) => _training.Resume(session);

    /// <param name="before">Null where it was interrupted.</param>
    public void Before(Figures? before)
    {
        if (before is not null)
            Line($"before: val loss {before.Loss:0.0000} acc {before.Accuracy:0.0000}");
    }

    public void Note(string note) => WrappedText.Write(output, "note: ", note);

    public void Epoch(EpochRecord epoch) => _training.Epoch(epoch);

    public void End(FinetuneRequest arguments, RunResult result)
    {
        var auc = result.Val.Auc is { } area ? $", AUC {area:0.0000}" : "";
        Line("");
        if (result.Before is { } began && result.Val.Loss > began.Loss)
        {
            Line($"It ended worse than it began: val loss {result.Val.Loss:0.0000}, before tuning {began.Loss:0.0000}.");
            if (result.BestEpoch == 0)
                Line("No epoch was better: lower --lr, or keep the run that it began with.");
        }
        else if (result.Before is { } other && result.Val.Accuracy < other.Accuracy)
        {
            Line($"The accuracy fell from {other.Accuracy:0.0000} to {result.Val.Accuracy:0.0000}, although the loss did not rise.");
        }

        Line($"validation accuracy {result.Val.Accuracy:0.0000}{TrainWords.AccuracyInterval(result)}, loss {result.Val.Loss:0.0000}{auc}");
        TrainWords.Plain(output, result);
        if (result.Before is { } before)
            Line($"before tuning {before.Accuracy:0.0000}, loss {before.Loss:0.0000}");
        Line($"kept: {Kept(result)}{TrainWords.Decisions(result)}");
        var best = result.BestEpoch == 0 ? "before tuning" : $"in epoch {result.BestEpoch}";
        if (result.BestEpoch != result.SavedEpoch)
            Line($"The lowest validation loss was {best}: --early-stop keeps that one.");
        Line($"{result.Seconds:0.0} s, of which loading {result.LoadSeconds:0.0} s; {result.RowsPerSecond:N1} images/s");
        Line($"{arguments.Out}: {RunReport.FileName}, {RunFolder.BaseName}, {RunFolder.HeadName},");
        Line($"  {RunFolder.RunName}, {RunFolder.MetricsName}");
        Line($"Next: trainer export {ShellWord.Quote(arguments.Out)} --model {ShellWord.Quote(arguments.Model)} --out CLASSIFIER.onnx");
    }

    private static string Kept(RunResult result) =>
        result.SavedEpoch == 0
            ? $"the weights that went in; none of {result.Epochs} epochs was better"
            : $"epoch {result.SavedEpoch} of {result.Epochs}";

    private void Line(FormattableString text) => output.WriteLine(text.ToString(CultureInfo.InvariantCulture));

    private void Line(string text) => output.WriteLine(text);
}
