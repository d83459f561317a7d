using TorchSharp.Modules;

namespace Headstart.Trainer.Training;

/// <summary>Adam, and AdamW where weights decay before the step: <see cref="FusedAdam"/> on all parameters.</summary>
internal sealed class KerasAdam : GradientOptimizer
{
    private readonly FusedAdam _adam;

    /// <param name="parameters">What to train. Their gradients must be there at every step.</param>
    public KerasAdam(IEnumerable<Parameter> parameters)
        : base(parameters) => _adam = new FusedAdam(Parameters, Remember("m"), Remember("v"));

    protected override void Move(double learningRate) => _adam.Move(learningRate, Steps);

    protected override void Dispose(bool disposing)
    {
        _adam.Dispose();
        base.Dispose(disposing);
    }
}
