using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Headstart.Trainer.Training;

/// <summary>
/// Adam as Keras computes it: lr · sqrt(1-b2^t)/(1-b1^t) · m / (sqrt(v) + epsilon), the "epsilon hat" of Kingma and Ba's section 2.
/// </summary>
/// <remarks>
/// libtorch computes lr/(1-b1^t) · m / (sqrt(v)/sqrt(1-b2^t) + eps), the same with eps = epsilon/sqrt(1-b2^t), which changes with
/// the step. Its fused kernel goes over the memory once; TorchSharp exposes it only through TorchScript. TorchSharp's own Adam
/// goes over the memory a dozen times.
/// </remarks>
/// <param name="parameters">What to move. Their gradients must be there at every step.</param>
/// <param name="m">First moments, one tensor a parameter; the caller's.</param>
/// <param name="v">Second moments, likewise.</param>
internal sealed class FusedAdam(Parameter[] parameters, Tensor[] m, Tensor[] v) : IDisposable
{
    public const double Beta1 = 0.9;
    public const double Beta2 = 0.999;
    public const double Epsilon = 1e-7;

    // Compiled once a process, immutable. TorchSharp never frees a compiled script, so one an optimizer would leak.
    private static readonly Lazy<jit.CompilationUnit> Fused = new(() => jit.compile("""
        def step(parameters: List[Tensor], gradients: List[Tensor], m: List[Tensor], v: List[Tensor], steps: List[Tensor],
                 lr: float, beta1: float, beta2: float, epsilon: float):
            torch._fused_adam_(parameters, gradients, m, v, [], steps, lr=lr, beta1=beta1, beta2=beta2, weight_decay=0.0,
                               eps=epsilon, amsgrad=False, maximize=False)
            return steps[0]

        """));

    private readonly Tensor[] _steps = Zeros(parameters);

    /// <summary>lr · sqrt(1-b2^t)/(1-b1^t).</summary>
    /// <param name="step">From 1.</param>
    public static double Corrected(double learningRate, long step) =>
        learningRate * Math.Sqrt(1 - Math.Pow(Beta2, step)) / (1 - Math.Pow(Beta1, step));

    /// <summary>Moves every parameter once.</summary>
    /// <param name="step">From 1.</param>
    public void Move(double learningRate, long step)
    {
        if (parameters.Length == 0)
            return;

        // Numbers would do, but TorchSharp makes Scalars of them that the garbage collector may free before libtorch has read them.
        using Scalar steps = step;
        foreach (var counter in _steps)
            counter.fill_(steps);
        using Scalar rate = learningRate, beta1 = Beta1, beta2 = Beta2, epsilon = Epsilon / Math.Sqrt(1 - Math.Pow(Beta2, step));
        var gradients = Array.ConvertAll(parameters, GradientOptimizer.Gradient);
        Fused.Value.invoke("step", parameters, gradients, m, v, _steps, rate, beta1, beta2, epsilon);
    }

    public void Dispose()
    {
        foreach (var counter in _steps)
            counter.Dispose();
    }

    private static Tensor[] Zeros(Parameter[] parameters)
    {
        using var noGradient = no_grad();
        return [.. parameters.Select(p => zeros(1, dtype: ScalarType.Float32, device: p.device).DetachFromDisposeScope())];
    }
}
