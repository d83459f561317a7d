namespace Headstart.Trainer.Training;

/// <summary>How a head is trained. The defaults are the reference workflow's.</summary>
internal sealed record TrainingOptions
{
    // Keras' AdamW.
    private const double DefaultDecay = 0.004;

    /// <summary>How often every image is seen.</summary>
    public int Epochs { get; init; } = 10;

    /// <summary>Images a step; the last batch of an epoch takes what is left.</summary>
    public int Batch { get; init; } = 32;

    public OptimizerChoice Optimizer { get; init; }

    /// <summary>At its highest, after the warm-up.</summary>
    public double LearningRate { get; init; } = 1e-4;

    public Schedule Schedule { get; init; }

    /// <summary>Epochs, or a part of one, over which the learning rate rises from 0.</summary>
    public double WarmUp { get; init; }

    /// <summary>Adds L2/2 · |kernels|² to the mean loss. Null: nothing; for L-BFGS 1/n, scikit-learn's C = 1.</summary>
    public double? L2 { get; init; }

    /// <summary>Takes lr · decay of each kernel away at each step. Null: nothing; for AdamW 0.004.</summary>
    public double? WeightDecay { get; init; }

    /// <summary>The longest that all gradients together may be. Null: no limit.</summary>
    public double? Clip { get; init; }

    /// <summary>The part of each target that is spread over all classes, in the loss that is trained. Figures don't show it.</summary>
    public double LabelSmoothing { get; init; }

    /// <summary>See <see cref="Training.ClassWeights"/>.</summary>
    public string ClassWeights { get; init; } = Training.ClassWeights.None;

    /// <summary>
    /// Ends after so many epochs without a lower validation loss, and keeps the weights of the best epoch. Null: every epoch runs, the last
    /// is kept.
    /// </summary>
    public int? EarlyStop { get; init; }

    /// <summary>Decides the first weights, the order of the images, dropout and the validation split.</summary>
    public long Seed { get; init; }

    internal double Decay => WeightDecay ?? (Optimizer == OptimizerChoice.Adamw ? DefaultDecay : 0);

    /// <exception cref="CommandException">A value that nothing could be trained with; the message names the option.</exception>
    public void Validate()
    {
        if (Epochs < 1)
            throw CommandException.Usage($"--epochs {Epochs}: there must be at least 1.");
        if (Batch < 1)
            throw CommandException.Usage($"--batch {Batch}: a batch has at least 1 image.");
        if (!Enum.IsDefined(Optimizer))
            throw CommandException.Usage($"--optimizer {Optimizer}: there are adam, adamw, sgd and lbfgs.");
        if (!(LearningRate > 0) || !double.IsFinite(LearningRate))
            throw CommandException.Usage($"--lr {LearningRate}: the learning rate must be above 0, such as 1e-4.");
        if (!Enum.IsDefined(Schedule))
            throw CommandException.Usage($"--schedule {Schedule}: there are constant, cosine, step and plateau.");
        if (!(WarmUp >= 0 && WarmUp < Epochs))
            throw CommandException.Usage($"--warmup {WarmUp}: it must be at least 0 and end before the last of the {Epochs} epochs.");
        if (L2 is { } l2 && (!(l2 >= 0) || !double.IsFinite(l2)))
            throw CommandException.Usage($"--l2 {l2}: the penalty is 0 or above, such as 1e-4.");
        if (WeightDecay is { } decay && !(decay >= 0 && decay * LearningRate < 1))
            throw CommandException.Usage(
                $"--weight-decay {decay}: it is 0 or above, such as 0.01, and less than 1 after it is multiplied by the learning rate.");
        if (Clip is { } clip && (!(clip > 0) || !double.IsFinite(clip)))
            throw CommandException.Usage($"--clip {clip}: the longest gradient must be above 0, such as 1.");
        if (!(LabelSmoothing is >= 0 and < 1))
            throw CommandException.Usage($"--label-smoothing {LabelSmoothing}: it is at least 0 and below 1, such as 0.1.");
        Training.ClassWeights.Validate(ClassWeights);
        if (EarlyStop < 1)
            throw CommandException.Usage($"--early-stop {EarlyStop}: the patience is at least 1 epoch.");
        if (Optimizer == OptimizerChoice.Lbfgs)
            ValidateExact();
    }

    // Going to the solution there are no steps, so an option about them would be ignored without a word.
    private void ValidateExact()
    {
        if (L2 == 0)
            throw CommandException.Usage(
                "--l2 0: without a penalty there is no solution where a plane divides the classes. Give lbfgs a small one, such as 1e-6.");
        var defaults = new TrainingOptions();
        string? senseless = this switch
        {
            _ when Epochs != defaults.Epochs => "--epochs",
            _ when Batch != defaults.Batch => "--batch",
            _ when LearningRate != defaults.LearningRate => "--lr",
            _ when Schedule != defaults.Schedule => "--schedule",
            _ when WarmUp != defaults.WarmUp => "--warmup",
            _ when WeightDecay is not null => "--weight-decay",
            _ when Clip is not null => "--clip",
            _ when EarlyStop is not null => "--early-stop",
            _ => null,
        };
        if (senseless is not null)
            throw CommandException.Usage($"{senseless}: lbfgs goes to the exact solution over all images at once. Leave it out; --l2 " +
                "decides how strongly it is held back.");
    }
}
