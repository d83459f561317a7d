namespace Headstart.Trainer.Training;

/// <summary>How weights are moved.</summary>
public enum OptimizerChoice
{
    /// <summary>As Keras: see <see cref="KerasAdam"/>.</summary>
    Adam,

    /// <summary>Adam with decoupled weight decay, by default Keras' 0.004.</summary>
    Adamw,

    /// <summary>Momentum 0.9: see <see cref="MomentumSgd"/>.</summary>
    Sgd,

    /// <summary>Straight to the one solution of a linear head: see <see cref="LinearSolution"/>.</summary>
    Lbfgs,
}
