using Headstart.Trainer.Training;

namespace Headstart.Trainer.FineTuning;

/// <summary>How a base and its head are tuned together.</summary>
internal sealed record TuningOptions
{
    /// <summary>
    /// The head's rate where none is given, as a multiple of the base's: it is far smaller, and nearer to the pictures at hand.
    /// </summary>
    public const double HeadFactor = 10;

    /// <summary>Everything that a head's training has too; its learning rate is the deepest block's.</summary>
    public required TrainingOptions Training { get; init; }

    /// <summary>The head's learning rate at its highest; null for <see cref="HeadFactor"/> times the base's.</summary>
    public double? HeadLearningRate { get; init; }

    /// <summary>Each block's learning rate is this part of the next deeper one's.</summary>
    public double DepthDecay { get; init; } = 1;

    /// <summary>After so many epochs one more block is unfrozen, the deepest first; null for all from the start.</summary>
    public int? Gradual { get; init; }

    /// <summary>Whether an epoch trains on augmented views.</summary>
    public bool Augment { get; init; }

    public ComputePrecision Precision { get; init; }

    /// <summary>What the head's rate is, as a multiple of the base's.</summary>
    public double HeadRate => HeadLearningRate is { } rate ? rate / Training.LearningRate : HeadFactor;

    /// <exception cref="CommandException">A value that nothing could be tuned with; the message names the option.</exception>
    public void Validate()
    {
        if (Training.Optimizer == OptimizerChoice.Lbfgs)
            throw CommandException.Usage("--optimizer lbfgs: it solves linear heads. A base is tuned with adam, adamw or sgd.");
        Training.Validate();
        if (HeadLearningRate is { } rate && (!(rate >= 0) || !double.IsFinite(rate)))
            throw CommandException.Usage(
                $"--head-lr {rate}: the head's learning rate is at least 0 (0 leaves the head as it is), such as 1e-4.");
        if (!(DepthDecay is > 0 and <= 1))
            throw CommandException.Usage($"--lr-decay {DepthDecay}: it is above 0 and at most 1, such as 0.5: each block's rate is this " +
                "part of the next deeper one's.");
        if (Gradual < 1)
            throw CommandException.Usage($"--gradual {Gradual}: one more block is unfrozen after so many epochs, at least 1.");
        if (!Enum.IsDefined(Precision))
            throw CommandException.Usage($"--precision {Precision}: there are float32 and bfloat16.");
    }
}
