using Headstart.Trainer.Kernels;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Headstart.Trainer.Training;

/// <summary><see cref="KerasAdam"/> for a head with a wide first layer: the same numbers, remembered under the same names, and the layer's
/// gradient is never formed.</summary>
internal sealed class WideAdamSteps : GradientOptimizer
{
    private readonly WideDense _wide;
    private readonly Tensor _m;
    private readonly Tensor _v;
    private readonly FusedAdam _others;
    private readonly float _l2;
    private readonly double _decay;

    /// <param name="parameters">What to train, the layer's weights among them. The others' gradients must be there at every step.</param>
    /// <param name="wide">The layer; it stays the caller's.</param>
    /// <param name="options">Penalty and decay of the layer's weights: nobody else sees their gradient.</param>
    public WideAdamSteps(IEnumerable<Parameter> parameters, WideDense wide, TrainingOptions options)
        : base(parameters)
    {
        _wide = wide;
        (_l2, _decay) = ((float)(options.L2 ?? 0), options.Decay);
        var (m, v) = (Remember("m"), Remember("v"));
        var index = Array.FindIndex(Parameters, p => p.Handle == wide.Layer.Weight.Handle);
        (_m, _v) = (m[index], v[index]);
        _others = new FusedAdam(Others(Parameters), Others(m), Others(v));

        T[] Others<T>(T[] all) => [.. all.Where((_, i) => i != index)];
    }

    protected override void Move(double learningRate)
    {
        var rate = (float)FusedAdam.Corrected(learningRate, Steps);
        var kept = (float)(1 - (learningRate * _decay));
        _wide.Move(_m, _v, new WideAdam(FusedAdam.Beta1, FusedAdam.Beta2, rate, (float)FusedAdam.Epsilon, _l2, kept));
        _others.Move(learningRate, Steps);
    }

    protected override void Dispose(bool disposing)
    {
        _others.Dispose();
        base.Dispose(disposing);
    }
}
