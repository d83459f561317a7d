using Headstart.Trainer.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Headstart.Trainer.Sweeps;

/// <summary><see cref="Regularization"/> of stacked heads, each by its own options.</summary>
internal sealed class StackRegularization : IDisposable
{
    private readonly Parameter[] _all;
    private readonly Parameter[] _kernels;
    private readonly Tensor? _l2;
    private readonly Tensor? _decay;
    private readonly float[]? _longest;

    public StackRegularization(IReadOnlyList<Parameter> parameters, IReadOnlyList<TrainingOptions> options, Device device)
    {
        _all = [.. parameters];
        _kernels = [.. _all.Where(p => p.dim() > 2)];
        if (options.Any(o => o.L2 > 0))
            _l2 = PerHead([.. options.Select(o => (float)(o.L2 ?? 0))], device);
        if (options.Any(o => o.Decay > 0))
            _decay = PerHead([.. options.Select(o => (float)o.Decay)], device);
        if (options.Any(o => o.Clip is not null))
            _longest = [.. options.Select(o => (float)(o.Clip ?? double.PositiveInfinity))];
    }

    /// <summary>To be called once a step, when the gradients are there and before the weights are moved.</summary>
    /// <param name="rates">The heads' learning rates, [K, 1, 1].</param>
    public void Apply(Tensor rates)
    {
        using var noGradient = no_grad();
        if (_l2 is not null)
        {
            foreach (var kernel in _kernels)
                kernel.grad!.addcmul_(kernel, _l2, 1);
        }

        if (_longest is not null)
            Clip(_longest);
        if (_decay is not null)
        {
            var kept = 1 - (rates * _decay);
            foreach (var kernel in _kernels)
                kernel.mul_(kept);
        }
    }

    public void Dispose()
    {
        _l2?.Dispose();
        _decay?.Dispose();
    }

    private void Clip(float[] longest)
    {
        var gradients = Array.ConvertAll(_all, p => p.grad!);
        var lengths = gradients.Select(g => g.flatten(1).square().sum(1)).Aggregate((a, b) => a + b).sqrt();
        var factors = (tensor(longest, device: lengths.device) / lengths).clamp(max: 1).nan_to_num(1);
        foreach (var gradient in gradients)
            gradient.mul_(factors.view([-1, .. Enumerable.Repeat(1L, (int)gradient.dim() - 1)]));
    }

    private static Tensor PerHead(float[] values, Device device) =>
        tensor(values, [values.Length, 1, 1], device: device).DetachFromDisposeScope();
}
