using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Headstart.Trainer.Training;

/// <summary>Moves parameters along their gradients, one step at a time.</summary>
internal abstract class GradientOptimizer : IDisposable
{
    private readonly List<(string Name, Tensor Value)> _state = [];

    /// <param name="parameters">What to train. Their gradients must be there at every <see cref="Step"/>.</param>
    protected GradientOptimizer(IEnumerable<Parameter> parameters) => Parameters = [.. parameters];

    /// <summary>How many steps were made; set when a training is taken up again.</summary>
    public long Steps { get; set; }

    /// <summary>What it remembers from step to step, besides <see cref="Steps"/>. Live tensors: writing to them restores it.</summary>
    public IReadOnlyList<(string Name, Tensor Value)> State => _state;

    protected Parameter[] Parameters { get; }

    /// <exception cref="ArgumentOutOfRangeException">L-BFGS, which takes no such steps.</exception>
    public static GradientOptimizer Create(OptimizerChoice choice, IEnumerable<Parameter> parameters) => choice switch
    {
        OptimizerChoice.Adam or OptimizerChoice.Adamw => new KerasAdam(parameters),
        OptimizerChoice.Sgd => new MomentumSgd(parameters),
        _ => throw new ArgumentOutOfRangeException(nameof(choice), choice, "makes no single steps"),
    };

    /// <summary>Moves every parameter once, along the gradient that it holds.</summary>
    public void Step(double learningRate)
    {
        Steps++;
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        Move(learningRate);
    }

    /// <summary>Forgets the gradients, so that the next backward pass stores its own instead of adding to old ones.</summary>
    public void ClearGradients()
    {
        foreach (var parameter in Parameters)
            parameter.grad = null;
    }

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Step number <see cref="Steps"/>, from 1; runs in a dispose scope and without gradients of its own.</summary>
    protected abstract void Move(double learningRate);

    /// <summary>What the last backward pass found.</summary>
    internal static Tensor Gradient(Parameter parameter) =>
        parameter.grad ?? throw new InvalidOperationException("a parameter has no gradient: call backward first");

    /// <summary>One tensor of zeros for each parameter, to be remembered from step to step.</summary>
    protected Tensor[] Remember(string name)
    {
        using var noGradient = no_grad();
        Tensor[] zeros = [.. Parameters.Select(p => zeros_like(p).DetachFromDisposeScope())];
        _state.AddRange(zeros.Select((z, i) => ($"{name}.{i}", z)));
        return zeros;
    }

    protected virtual void Dispose(bool disposing)
    {
        foreach (var (_, value) in _state)
            value.Dispose();
    }
}
