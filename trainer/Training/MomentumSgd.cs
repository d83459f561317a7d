using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Headstart.Trainer.Training;

/// <summary>Stochastic gradient descent with momentum as PyTorch computes it: v = 0.9 v + g; w -= lr v.</summary>
internal sealed class MomentumSgd : GradientOptimizer
{
    private const double Momentum = 0.9;

    private readonly Tensor[] _velocities;

    public MomentumSgd(IEnumerable<Parameter> parameters)
        : base(parameters) => _velocities = Remember("velocity");

    protected override void Move(double learningRate)
    {
        for (var i = 0; i < Parameters.Length; i++)
        {
            _velocities[i].mul_(Momentum).add_(Gradient(Parameters[i]));
            Parameters[i].add_(_velocities[i], alpha: -learningRate);
        }
    }
}
