using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Headstart.Trainer.Training;

/// <summary>
/// What is done to gradients and weights between the backward pass and the step: L2 penalty, clipping, weight decay. Nothing by default.
/// </summary>
/// <remarks>Penalty and decay pull at kernels alone, as is usual; biases and the scales of normalisation are left alone.</remarks>
internal sealed class Regularization
{
    private readonly Parameter[] _all;
    private readonly Parameter[] _kernels;
    private readonly double _l2;
    private readonly double _decay;
    private readonly double? _clip;

    public Regularization(IEnumerable<Parameter> parameters, TrainingOptions options)
    {
        _all = [.. parameters];
        _kernels = [.. _all.Where(p => p.dim() > 1)];
        _l2 = options.L2 ?? 0;
        _decay = options.Decay;
        _clip = options.Clip;
    }

    /// <summary>To be called once a step, when the gradients are there and before the optimizer moves the weights.</summary>
    public void Apply(double learningRate)
    {
        if (_l2 == 0 && _decay == 0 && _clip is null)
            return;
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        if (_l2 > 0)
        {
            foreach (var kernel in _kernels)
                kernel.grad!.add_(kernel, alpha: _l2); // the gradient of l2/2 · |w|²
        }

        if (_clip is { } longest)
            Clip(longest);
        if (_decay > 0)
        {
            foreach (var kernel in _kernels)
                kernel.mul_(1 - (learningRate * _decay));
        }
    }

    // All gradients together keep their direction (Keras: global_clipnorm).
    private void Clip(double longest)
    {
        var gradients = Array.ConvertAll(_all, p => p.grad!);
        var length = Math.Sqrt(gradients.Sum(g => Math.Pow(g.norm().item<float>(), 2)));
        if (!(length > longest))
            return;
        foreach (var gradient in gradients)
            gradient.mul_(longest / length);
    }
}
