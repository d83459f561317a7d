using System.Text.Json.Serialization;
using Headstart.Trainer.Evaluation;
using Headstart.Trainer.Features;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Training;

namespace Headstart.Trainer.Runs;

/// <summary>What came of a run. Also what <c>--json</c> prints: its names are a contract.</summary>
internal sealed record RunResult
{
    public required IReadOnlyList<string> Classes { get; init; }

    /// <summary>How many were finished.</summary>
    public required int Epochs { get; init; }

    /// <summary>
    /// The one with the lowest validation loss, from 1; 0 where the weights before the training had a lower one than any epoch.
    /// </summary>
    public required int BestEpoch { get; init; }

    /// <summary>The one whose weights are saved, from 1; 0 for those before the training.</summary>
    public required int SavedEpoch { get; init; }

    /// <summary>
    /// The running mean over the saved epoch, as Keras shows it; for epoch 0 that of the run which the weights come from.
    /// </summary>
    public required Figures Train { get; init; }

    /// <summary>Of the saved weights, as the model that ships decides: see <see cref="Judgement"/>. Plain in runs of an earlier version,
    /// which have none in <see cref="Validation"/>.</summary>
    public required Figures Val { get; init; }

    /// <summary>Of the same: every figure with its interval, and the plain ones.</summary>
    public EvaluationReport? Validation { get; init; }

    /// <summary>Whether <see cref="Val"/> and <see cref="Validation"/> are before temperature and threshold: a run of an earlier
    /// version.</summary>
    [JsonIgnore]
    public bool IsPlain => Validation?.Plain is null;

    /// <summary>Of the saved weights at temperature 1, and where the most probable class is decided for: what the saved epoch's line in
    /// <c>metrics.jsonl</c> has.</summary>
    [JsonIgnore]
    public Figures PlainVal => Validation?.Plain is { } plain ? new Figures(plain.Loss, plain.Accuracy, plain.Auc) : Val;

    /// <summary>As <see cref="RunFile.Calibration"/>.</summary>
    public Calibration? Calibration { get; init; }

    /// <summary>Opening the caches and reading features.</summary>
    public required double LoadSeconds { get; init; }

    /// <summary>The whole command, loading included, until the weights are to be written. Of the last one, where the run was
    /// resumed.</summary>
    public required double Seconds { get; init; }

    /// <summary>Median, validation included.</summary>
    public required double SecondsPerEpoch { get; init; }

    /// <summary>Training rows by <see cref="SecondsPerEpoch"/>.</summary>
    public required double RowsPerSecond { get; init; }

    public required long Parameters { get; init; }

    public required long TrainableParameters { get; init; }

    public required long PeakMemoryBytes { get; init; }

    /// <summary>Of the weights before the training, where it did not begin with fresh ones: as the run that they come from ships them, to
    /// be compared with <see cref="Val"/>.</summary>
    public Figures? Before { get; init; }

    /// <summary>Whether it was ended before its last epoch by Ctrl-C or a signal.</summary>
    public bool Interrupted { get; init; }

    /// <summary>How many epochs came from a checkpoint; left out where the run was made in one go.</summary>
    public int? ResumedAfter { get; init; }

    /// <summary>How the exact solution was reached; left out for optimizers that make single steps.</summary>
    public Convergence? Solution { get; init; }

    /// <summary>What every reader of the figures must know, from the model that made the features.</summary>
    public string? Note { get; init; }

    /// <param name="training">At least one epoch of it was finished.</param>
    /// <param name="judged">The saved weights on the rows that validate.</param>
    /// <param name="calibration">What they were judged with.</param>
    /// <param name="trainImages">How many images an epoch sees.</param>
    public static RunResult Of(
        TrainingResult training, Judgement judged, Calibration calibration, TrainingData data, int trainImages, Head head,
        double loadSeconds, double seconds)
    {
        if (training is not { Kept: { } kept, Best: { } best })
            throw new ArgumentException("No epoch was finished.", nameof(training));
        var secondsPerEpoch = Median(training.Epochs.Select(e => e.Seconds));
        return new RunResult
        {
            Classes = data.Classes,
            Epochs = training.Epochs.Count,
            BestEpoch = best.Epoch,
            SavedEpoch = kept.Epoch,
            Train = kept.Train,
            Val = judged.Figures,
            Validation = judged.Report,
            Calibration = calibration,
            LoadSeconds = loadSeconds,
            Seconds = seconds,
            SecondsPerEpoch = secondsPerEpoch,
            RowsPerSecond = trainImages / secondsPerEpoch,
            Parameters = head.Plan.Parameters,
            TrainableParameters = head.Plan.Parameters,
            PeakMemoryBytes = PeakMemory.Bytes(),
            Interrupted = training.Interrupted,
            ResumedAfter = training.ResumedAfter > 0 ? training.ResumedAfter : null,
            Solution = training.Solution,
            Note = data.Cache.Contract.ModelNote,
        };
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
