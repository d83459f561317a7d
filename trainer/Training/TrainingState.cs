using Headstart.Trainer.Heads;
using static TorchSharp.torch;

namespace Headstart.Trainer.Training;

/// <summary>Everything that changes from step to step, and that a checkpoint therefore holds.</summary>
/// <param name="Head">Its weights, and where its dropouts stand.</param>
/// <param name="Base">The weights of the base that are tuned too; empty where a head alone is trained.</param>
/// <param name="Optimizers">One, or one for each group of weights.</param>
/// <param name="Kept">The weights that are kept.</param>
internal sealed record TrainingState(
    Head Head, IReadOnlyList<(string Name, Tensor Value)> Base, IReadOnlyList<GradientOptimizer> Optimizers, WeightSnapshot Kept)
{
    /// <summary>All tensors, under names of their own. Live: writing to them restores the state.</summary>
    public IReadOnlyList<(string Name, Tensor Value)> Tensors =>
    [
        .. Head.State.Select(s => ($"head.{s.Name}", s.Value)),
        .. Base.Select(s => ($"base.{s.Name}", s.Value)),
        .. Optimizers.SelectMany((o, i) => o.State.Select(s => ($"optimizer.{i}.{s.Name}", s.Value))),
        .. Kept.State.Select(s => ($"kept.{s.Name}", s.Value)),
    ];
}
