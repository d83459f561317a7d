using Headstart.Trainer.Evaluation;

namespace Headstart.Trainer.Training;

/// <summary>One epoch; a line of <c>metrics.jsonl</c>.</summary>
/// <param name="Epoch">From 1; 0 for weights that a training began with, where these were trained before.</param>
/// <param name="Train">
/// The running mean over the epoch, while the weights changed and dropout dropped, as Keras shows it. The loss is weighted by class
/// weights; it has neither label smoothing nor penalties in it, so that it can be compared with <paramref name="Val"/> and with other runs.
/// </param>
/// <param name="Val">Of the weights after the epoch, on the validation rows; never weighted.</param>
/// <param name="LearningRate">That its last step was made with; 0 for L-BFGS, which has none.</param>
/// <param name="Seconds">Training and validation.</param>
internal sealed record EpochRecord(int Epoch, Figures Train, Figures Val, double LearningRate, double Seconds);

/// <summary>What a training came to. The head holds the weights of <see cref="Kept"/>.</summary>
/// <param name="Epochs">All that were finished, in order; empty when the first was interrupted.</param>
/// <param name="Best">The one with the lowest validation loss.</param>
/// <param name="Kept">The one whose weights the head holds now: the last, or the best with early stopping.</param>
/// <param name="Interrupted">Whether it was cancelled before its end.</param>
/// <param name="ResumedAfter">How many of the epochs came from a checkpoint.</param>
/// <param name="Solution">How L-BFGS ended; null for the other optimizers.</param>
internal sealed record TrainingResult(
    IReadOnlyList<EpochRecord> Epochs, EpochRecord? Best, EpochRecord? Kept, bool Interrupted, int ResumedAfter = 0,
    Convergence? Solution = null);
