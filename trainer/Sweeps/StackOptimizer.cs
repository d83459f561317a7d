using Headstart.Trainer.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Headstart.Trainer.Sweeps;

/// <summary>Moves stacked heads, each at a learning rate of its own, by the very optimizers that single heads have.</summary>
/// <remarks>
/// Every optimizer here moves by the learning rate times something that doesn't depend on it. So it is let loose, at rate 1, on zeros in
/// the weights' place, and what it makes of them is added to the weights times each head's rate.
/// </remarks>
internal sealed class StackOptimizer : IDisposable
{
    private readonly IReadOnlyList<Parameter> _weights;
    private readonly Parameter[] _moves;
    private readonly GradientOptimizer _optimizer;

    public StackOptimizer(OptimizerChoice choice, IReadOnlyList<Parameter> weights)
    {
        _weights = weights;
        using var noGradient = no_grad();
        _moves = [.. weights.Select(w => new Parameter(zeros_like(w)))];
        foreach (var move in _moves)
            move.DetachFromDisposeScope();
        _optimizer = GradientOptimizer.Create(choice, _moves);
    }

    public long Steps => _optimizer.Steps;

    /// <summary>Moves every weight once, along the gradient that it holds.</summary>
    /// <param name="rates">The heads' learning rates, [K, 1, 1].</param>
    public void Step(Tensor rates)
    {
        using var noGradient = no_grad();
        for (var i = 0; i < _moves.Length; i++)
        {
            _moves[i].zero_();
            _moves[i].grad = _weights[i].grad;
        }

        _optimizer.Step(learningRate: 1);
        for (var i = 0; i < _moves.Length; i++)
            _weights[i].addcmul_(_moves[i], _moves[i].dim() == 2 ? rates.squeeze(2) : rates, 1);
    }

    /// <summary>Forgets the gradients, so that the next backward pass stores its own.</summary>
    public void ClearGradients()
    {
        foreach (var weight in _weights)
            weight.grad = null;
        _optimizer.ClearGradients();
    }

    /// <summary>Takes over what the optimizers of single heads remember; all have made as many steps.</summary>
    public void Take(IReadOnlyList<GradientOptimizer> singles)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        for (var k = 0; k < singles.Count; k++)
        {
            foreach (var ((_, stacked), (_, own)) in _optimizer.State.Zip(singles[k].State))
                stacked.select(0, k).copy_(own);
        }

        _optimizer.Steps = singles[0].Steps;
    }

    /// <summary>Gives the optimizer of a single head what this one remembers of it.</summary>
    public void Give(GradientOptimizer single, int head)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        foreach (var ((_, stacked), (_, own)) in _optimizer.State.Zip(single.State))
            own.copy_(stacked.select(0, head));
        single.Steps = _optimizer.Steps;
    }

    public void Dispose()
    {
        _optimizer.Dispose();
        foreach (var move in _moves)
            move.Dispose();
    }
}
