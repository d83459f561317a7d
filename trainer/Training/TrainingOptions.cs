using Headstart.CommandLine;

namespace Headstart.Training;

/// <summary>How a head is trained. The defaults are the reference workflow's.</summary>
internal sealed record TrainingOptions
{
    /// <summary>How often every image is seen.</summary>
    public int Epochs { get; init; } = 10;

    /// <summary>Images a step; the last batch of an epoch takes what is left.</summary>
    public int Batch { get; init; } = 32;

    /// <summary>Adam's learning rate.</summary>
    public double LearningRate { get; init; } = 1e-4;

    /// <summary>Decides the first weights, the order of the images, dropout and the validation split.</summary>
    public long Seed { get; init; }

    public ClassWeighting ClassWeights { get; init; }

    /// <summary>Ends after so many epochs without a lower validation loss, and keeps the weights of the best epoch. Null: every epoch runs, the last is kept.</summary>
    public int? EarlyStop { get; init; }

    /// <exception cref="CommandException">A value that nothing could be trained with; the message names the option.</exception>
    public void Validate()
    {
        if (Epochs < 1)
            throw CommandException.Usage($"--epochs {Epochs}: there must be at least 1.");
        if (Batch < 1)
            throw CommandException.Usage($"--batch {Batch}: a batch has at least 1 image.");
        if (!(LearningRate > 0) || !double.IsFinite(LearningRate))
            throw CommandException.Usage($"--lr {LearningRate}: the learning rate must be above 0, such as 1e-4.");
        if (!Enum.IsDefined(ClassWeights))
            throw CommandException.Usage($"--class-weights {ClassWeights}: there are none and balanced.");
        if (EarlyStop < 1)
            throw CommandException.Usage($"--early-stop {EarlyStop}: the patience is at least 1 epoch.");
    }
}
