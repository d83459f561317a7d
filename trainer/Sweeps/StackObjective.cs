using Headstart.Trainer.Heads;
using Headstart.Trainer.Training;
using static TorchSharp.torch;

namespace Headstart.Trainer.Sweeps;

/// <summary>
/// The losses of stacked heads, each as <see cref="Objective"/> computes it, as one sum: no head's gradient has anything of another's in
/// it.
/// </summary>
/// <remarks>What an epoch's images are to be is laid out once, so that a step only takes its part.</remarks>
internal sealed class StackObjective : IDisposable
{
    private readonly int _classes;
    private readonly double[][] _classWeights;
    private readonly double[] _smoothing;
    private readonly float[] _targets;
    private readonly long[] _indices;
    private readonly float[]? _weights;
    private readonly int _rows;
    private readonly Device _device;
    private readonly Tensor _keep;
    private readonly Tensor _spread;
    private Tensor? _target;
    private Tensor? _weight;

    /// <param name="classes">At least 2.</param>
    /// <param name="rows">Images an epoch.</param>
    /// <param name="classWeights">For each head, one weight a class or none.</param>
    /// <param name="smoothing">For each head.</param>
    public StackObjective(int classes, int rows, double[][] classWeights, double[] smoothing, Device device)
    {
        (_classes, _rows, _classWeights, _smoothing, _device) = (classes, rows, classWeights, smoothing, device);
        var isBinary = HeadPlan.OutputsFor(classes) == 1;
        _targets = new float[isBinary ? smoothing.Length * rows : 0];
        _indices = new long[isBinary ? 0 : smoothing.Length * rows];
        _weights = classWeights.Any(w => w.Length > 0) ? new float[smoothing.Length * rows] : null;
        _keep = tensor([.. smoothing.Select(s => (float)(1 - s))], [smoothing.Length, 1], device: device).DetachFromDisposeScope();
        _spread = tensor([.. smoothing.Select(s => (float)s)], [smoothing.Length, 1], device: device).DetachFromDisposeScope();
    }

    /// <summary>Begins an epoch.</summary>
    /// <param name="labels">For each head, the classes of the epoch's images in the order in which it sees them.</param>
    public void Begin(IReadOnlyList<int[]> labels)
    {
        for (var k = 0; k < labels.Count; k++)
        {
            var (own, first, smoothing) = (labels[k], k * _rows, _smoothing[k]);
            for (var i = 0; i < _rows; i++)
            {
                if (_targets.Length > 0)
                    _targets[first + i] = (float)((own[i] * (1 - smoothing)) + (smoothing / 2));
                else
                    _indices[first + i] = own[i];
                if (_weights is not null)
                    _weights[first + i] = _classWeights[k].Length == 0 ? 1 : (float)_classWeights[k][own[i]];
            }
        }

        Free();
        _target = (_targets.Length > 0
            ? tensor(_targets, [labels.Count, _rows], device: _device)
            : tensor(_indices, [labels.Count, _rows], device: _device)).DetachFromDisposeScope();
        _weight = _weights is null ? null : tensor(_weights, [labels.Count, _rows], device: _device).DetachFromDisposeScope();
    }

    /// <summary>The sum of the heads' mean losses over a batch.</summary>
    /// <param name="logits">[K, n, outputs].</param>
    /// <param name="first">The batch's first image in the epoch.</param>
    public Tensor Loss(Tensor logits, int first)
    {
        var rows = logits.shape[1];
        var target = _target!.narrow(1, first, rows);
        var weight = _weight?.narrow(1, first, rows);
        if (_targets.Length > 0)
            return nn.functional.binary_cross_entropy_with_logits(logits.squeeze(2), target, weight, reduction: nn.Reduction.Sum).div(rows);

        var logProbabilities = logits.log_softmax(2);
        var losses = -logProbabilities.gather(2, target.unsqueeze(2)).squeeze(2);
        if (_smoothing.Any(s => s > 0))
            losses = (losses * _keep) - (logProbabilities.mean([2]) * _spread);
        return (weight is null ? losses : losses * weight).sum().div(rows);
    }

    public void Dispose()
    {
        Free();
        _keep.Dispose();
        _spread.Dispose();
    }

    private void Free()
    {
        _target?.Dispose();
        _weight?.Dispose();
    }
}
