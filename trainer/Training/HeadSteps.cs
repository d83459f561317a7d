using Headstart.Trainer.Heads;
using Headstart.Trainer.Kernels;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Headstart.Trainer.Training;

/// <summary>
/// The steps of one head: its logits in training, and a move of every weight along its gradient, by the fastest kernels that there are.
/// </summary>
internal sealed class HeadSteps : IDisposable
{
    private readonly Head _head;
    private readonly IReadOnlyList<Module<Tensor, Tensor>> _modules;
    private readonly WideDense? _wide;
    private readonly Regularization _regularization;

    public HeadSteps(Head head, TrainingOptions options)
    {
        _head = head;
        _modules = head.Trained;
        _wide = WideLayer(head, options);
        var parameters = head.Parameters.Select(p => p.Value).ToArray();
        _regularization = new Regularization(parameters.Where(p => p.Handle != _wide?.Layer.Weight.Handle), options);
        Optimizer = _wide is null ? GradientOptimizer.Create(options.Optimizer, parameters) : new WideAdamSteps(parameters, _wide, options);
    }

    public GradientOptimizer Optimizer { get; }

    /// <summary>To be held while an epoch's steps are made; null where nothing is to be held.</summary>
    public IDisposable? Begin() => _wide?.Alone();

    /// <summary>Logits of a batch, and ready for a backward pass.</summary>
    /// <param name="reduced">As <see cref="Head.Reduce"/> leaves it.</param>
    public Tensor Forward(Tensor reduced)
    {
        Optimizer.ClearGradients();
        if (_wide is null)
            return _head.ForwardReduced(reduced);
        var x = reduced.alias();
        foreach (var module in _modules)
        {
            using var input = x;
            x = ReferenceEquals(module, _wide.Layer) ? _wide.Forward(input) : module.call(input);
        }

        return x;
    }

    /// <summary>Moves every weight once, after the backward pass.</summary>
    public void Move(double learningRate)
    {
        _regularization.Apply(learningRate);
        Optimizer.Step(learningRate);
    }

    public void Dispose()
    {
        Optimizer.Dispose();
        _wide?.Dispose();
    }

    // A first layer's gradient is never formed, so nobody may ask for it: clipping does, and so do other optimizers.
    private static WideDense? WideLayer(Head head, TrainingOptions options)
    {
        if (options.Clip is not null || options.Optimizer is not (OptimizerChoice.Adam or OptimizerChoice.Adamw)
            || head.Trained.FirstOrDefault(m => m.parameters().Any()) is not DenseModule first)
        {
            return null;
        }

        return WideDense.Of(first, head.Parameters.Sum(p => p.Value.numel()) - first.Weight.numel(), options.Batch);
    }
}
