
namespace Headstart.Trainer.FineTuning;

/// <summary>Weights that are tuned at one learning rate.</summary>
/// <param name="Name"><c>head</c> or <c>block 5</c>.</param>
/// <param name="Weights">How many values.</param>
/// <param name="FirstEpoch">When they were unfrozen; from 1.</param>
/// <param name="LearningRate">At its highest.</param>
internal sealed record TunedGroup(string Name, long Weights, int FirstEpoch, double LearningRate);
