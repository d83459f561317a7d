using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Headstart.Training;

/// <summary>Adam as Keras computes it: lr · sqrt(1-b2^t)/(1-b1^t) · m / (sqrt(v) + epsilon), the "epsilon hat" of Kingma and Ba's section 2.</summary>
/// <remarks>
/// libtorch computes lr/(1-b1^t) · m / (sqrt(v)/sqrt(1-b2^t) + eps), the same with eps = epsilon/sqrt(1-b2^t), which changes with
/// the step. Its fused kernel goes over the memory once; TorchSharp exposes it only through TorchScript. TorchSharp's own Adam
/// goes over the memory a dozen times, and takes three times as long for a whole epoch of the reference head.
/// </remarks>
internal sealed class KerasAdam : IDisposable
{
    private const double Beta1 = 0.9;
    private const double Beta2 = 0.999;
    private const double Epsilon = 1e-7;

    // Compiled once a process, immutable. TorchSharp never frees a compiled script, so one an optimizer would leak.
    private static readonly Lazy<jit.CompilationUnit> Fused = new(() => jit.compile("""
        def step(parameters: List[Tensor], gradients: List[Tensor], m: List[Tensor], v: List[Tensor], steps: List[Tensor],
                 lr: float, beta1: float, beta2: float, epsilon: float):
            torch._fused_adam_(parameters, gradients, m, v, [], steps, lr=lr, beta1=beta1, beta2=beta2, weight_decay=0.0,
                               eps=epsilon, amsgrad=False, maximize=False)
            return steps[0]

        """));

    private readonly Tensor[] _parameters;
    private readonly Tensor[] _m;
    private readonly Tensor[] _v;
    private readonly Tensor[] _steps;

    /// <param name="parameters">What to train. Their gradients must be there at every <see cref="Step"/>.</param>
    public KerasAdam(IEnumerable<Parameter> parameters)
    {
        _parameters = [.. parameters];
        using var noGradient = no_grad();
        _m = [.. _parameters.Select(p => zeros_like(p).DetachFromDisposeScope())];
        _v = [.. _parameters.Select(p => zeros_like(p).DetachFromDisposeScope())];
        _steps = [.. _parameters.Select(p => zeros(1, dtype: ScalarType.Float32, device: p.device).DetachFromDisposeScope())];
    }

    /// <summary>How many steps were made.</summary>
    public long Steps { get; private set; }

    /// <summary>Moves every parameter once, along the gradient that it holds.</summary>
    public void Step(double learningRate)
    {
        Steps++;
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        foreach (var step in _steps)
            step.fill_(Steps);
        var gradients = Array.ConvertAll(_parameters, p => p.grad ?? throw new InvalidOperationException("a parameter has no gradient: call backward first"));
        Fused.Value.invoke("step", _parameters, gradients, _m, _v, _steps, learningRate, Beta1, Beta2, Epsilon / Math.Sqrt(1 - Math.Pow(Beta2, Steps)));
    }

    /// <summary>Forgets the gradients, so that the next backward pass stores its own instead of adding to old ones.</summary>
    public void ClearGradients()
    {
        foreach (var parameter in _parameters)
            parameter.grad = null;
    }

    public void Dispose()
    {
        foreach (var tensor in (Tensor[])[.. _m, .. _v, .. _steps])
            tensor.Dispose();
    }
}
