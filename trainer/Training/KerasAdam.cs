using Headstart.Training.Wide;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Headstart.Training;

/// <summary>Adam as Keras computes it: lr · sqrt(1-b2^t)/(1-b1^t) · m / (sqrt(v) + epsilon), the "epsilon hat" of Kingma and Ba's section 2.</summary>
/// <remarks>
/// libtorch computes lr/(1-b1^t) · m / (sqrt(v)/sqrt(1-b2^t) + eps), the same with eps = epsilon/sqrt(1-b2^t), which changes with
/// the step. Its fused kernel goes over the memory once; TorchSharp exposes it only through TorchScript. TorchSharp's own Adam
/// goes over the memory a dozen times. Of a large first layer not even the gradient is written: <see cref="WideDense"/>.
/// </remarks>
internal sealed class KerasAdam : GradientOptimizer
{
    internal const double Beta1 = 0.9;
    internal const double Beta2 = 0.999;
    private const double Epsilon = 1e-7;

    // Compiled once a process, immutable. TorchSharp never frees a compiled script, so one an optimizer would leak.
    private static readonly Lazy<jit.CompilationUnit> Fused = new(() => jit.compile("""
        def step(parameters: List[Tensor], gradients: List[Tensor], m: List[Tensor], v: List[Tensor], steps: List[Tensor],
                 lr: float, beta1: float, beta2: float, epsilon: float):
            torch._fused_adam_(parameters, gradients, m, v, [], steps, lr=lr, beta1=beta1, beta2=beta2, weight_decay=0.0,
                               eps=epsilon, amsgrad=False, maximize=False)
            return steps[0]

        """));

    private readonly Tensor[] _m;
    private readonly Tensor[] _v;
    private readonly Tensor[] _steps;

    private readonly WideDense? _wide;
    private readonly int _wideIndex;
    private readonly Parameter[] _others;
    private readonly Tensor[] _othersM;
    private readonly Tensor[] _othersV;

    /// <param name="parameters">What to train. Their gradients must be there at every step.</param>
    /// <param name="wide">The layer of one of them, where it has its gradient.</param>
    public KerasAdam(IEnumerable<Parameter> parameters, WideDense? wide = null)
        : base(parameters)
    {
        _m = Remember("m");
        _v = Remember("v");
        _wide = wide;
        _wideIndex = wide is null ? -1 : Array.FindIndex(Parameters, p => p.Handle == wide.Weight.Handle);
        _others = Others(Parameters);
        _othersM = Others(_m);
        _othersV = Others(_v);
        using var noGradient = no_grad();
        _steps = [.. _others.Select(p => zeros(1, dtype: ScalarType.Float32, device: p.device).DetachFromDisposeScope())];
    }

    protected override void Move(double learningRate)
    {
        _wide?.Move(_m[_wideIndex], _v[_wideIndex], learningRate, learningRate * Math.Sqrt(1 - Math.Pow(Beta2, Steps)) / (1 - Math.Pow(Beta1, Steps)), Epsilon);
        if (_others.Length == 0)
            return;

        // Numbers would do, but TorchSharp makes Scalars of them that the garbage collector may free before libtorch has read them.
        using Scalar steps = Steps;
        foreach (var step in _steps)
            step.fill_(steps);
        using Scalar rate = learningRate, beta1 = Beta1, beta2 = Beta2, epsilon = Epsilon / Math.Sqrt(1 - Math.Pow(Beta2, Steps));
        Fused.Value.invoke("step", _others, Array.ConvertAll(_others, Gradient), _othersM, _othersV, _steps, rate, beta1, beta2, epsilon);
    }

    protected override void Dispose(bool disposing)
    {
        foreach (var step in _steps)
            step.Dispose();
        base.Dispose(disposing);
    }

    private T[] Others<T>(T[] all) => [.. all.Where((_, i) => i != _wideIndex)];
}
