using System.Text.Json.Serialization;
using Headstart.Trainer.Evaluation;
using Headstart.Trainer.Runs;
using Headstart.Trainer.Training;

namespace Headstart.Trainer.Sweeps;

/// <summary>One combination of options.</summary>
/// <param name="Number">From 1, in the order in which they were chosen.</param>
/// <param name="Arguments">What <c>trainer train</c> would be given; the seed is that of the first repeat.</param>
/// <param name="Tuning">What <c>trainer finetune</c> would be given then; null for the head alone.</param>
/// <param name="Chosen">The values that the space gave, in its order; null for those without meaning, because nothing is tuned.</param>
internal sealed record Trial(
    int Number, TrainRequest Arguments, FinetuneRequest? Tuning, IReadOnlyList<(SpaceOption Option, object? Value)> Chosen);

/// <summary>Which of several trainings of one trial: they differ in seed, fold, or both.</summary>
/// <param name="SeedOffset">Added to the trial's seed.</param>
/// <param name="Fold">From 1; null without folds.</param>
internal sealed record Repeat(int SeedOffset, int? Fold);

/// <summary>One training of a sweep, in one round.</summary>
internal sealed record TrialRun(Trial Trial, Repeat Repeat, int Rung)
{
    public TrainRequest Arguments { get; } = Trial.Arguments with { Seed = Trial.Arguments.Seed + Repeat.SeedOffset };

    public RunKey Key => new(Trial.Number, Rung, Repeat.SeedOffset, Repeat.Fold);
}

/// <summary>What tells the trainings of a sweep apart.</summary>
internal readonly record struct RunKey(int Trial, int Rung, int SeedOffset, int? Fold);

/// <summary>What came of one training; a line of <c>trials.jsonl</c>.</summary>
internal sealed record TrialOutcome
{
    public required int Trial { get; init; }

    /// <summary>The round, from 0; above 0 in successive halving alone.</summary>
    public required int Rung { get; init; }

    public required int SeedOffset { get; init; }

    public int? Fold { get; init; }

    public required long Seed { get; init; }

    /// <summary>How many were finished, those of earlier rounds among them.</summary>
    public required int Epochs { get; init; }

    /// <summary>The one whose weights the figures are of.</summary>
    public required int SavedEpoch { get; init; }

    public Figures? Train { get; init; }

    /// <summary>Null where the training failed.</summary>
    public Figures? Val { get; init; }

    /// <summary>Of this round; its part of the time where several heads were trained together.</summary>
    public required double Seconds { get; init; }

    /// <summary>How many heads were trained together with this one, itself among them.</summary>
    public required int Together { get; init; }

    /// <summary>Which validation images it got right: <see cref="RightImages"/>. Only where trials are compared image by image.</summary>
    public string? Right { get; init; }

    /// <summary>Why there are no figures.</summary>
    public string? Error { get; init; }

    /// <param name="run">Which training it was.</param>
    /// <param name="training">Null where it failed.</param>
    /// <param name="error">The reason, where it failed.</param>
    /// <param name="seconds">As <see cref="Seconds"/>.</param>
    /// <param name="together">As <see cref="Together"/>.</param>
    public static TrialOutcome Of(TrialRun run, TrainingResult? training, string? error, double seconds, int together) => new()
    {
        Trial = run.Trial.Number,
        Rung = run.Rung,
        SeedOffset = run.Repeat.SeedOffset,
        Fold = run.Repeat.Fold,
        Seed = run.Arguments.Seed,
        Epochs = training?.Epochs.Count ?? 0,
        SavedEpoch = training?.Kept?.Epoch ?? 0,
        Train = training?.Kept?.Train,
        Val = training?.Kept?.Val,
        Seconds = seconds,
        Together = together,
        Error = error,
    };

    [JsonIgnore]
    public RunKey Key => new(Trial, Rung, SeedOffset, Fold);
}
