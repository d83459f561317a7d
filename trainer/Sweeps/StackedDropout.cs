using Headstart.Trainer.Heads;
using static TorchSharp.torch;

namespace Headstart.Trainer.Sweeps;

/// <summary>The same dropout of several heads: each draws from a generator of its own, the numbers that it would draw alone.</summary>
internal sealed class StackedDropout : IDisposable
{
    private readonly Generator[] _generators;
    private readonly double[] _probabilities;
    private readonly Tensor _scale;

    /// <param name="heads">Of one structure.</param>
    /// <param name="piece">Which of their pieces this is.</param>
    /// <param name="dropout">Which of their dropouts.</param>
    public StackedDropout(IReadOnlyList<Head> heads, int piece, int dropout)
    {
        _probabilities = [.. heads.Select(h => ((Dropout)h.Plan.Pieces[piece].Piece).Probability)];
        _generators = [.. heads.Select(h => Restored(h.RandomState[dropout], h.Device))];
        _scale =
            tensor([.. _probabilities.Select(p => (float)(1 - p))], [heads.Count, 1, 1], device: heads[0].Device).DetachFromDisposeScope();
    }

    /// <param name="x">[K, n, c].</param>
    public Tensor Apply(Tensor x)
    {
        Tensor kept;
        using (no_grad())
        {
            kept = ones(x.shape, device: x.device);
            for (var k = 0; k < _generators.Length; k++)
            {
                if (_probabilities[k] > 0)
                    kept.select(0, k).bernoulli_(1 - _probabilities[k], _generators[k]);
            }

            kept.div_(_scale);
        }

        return x * kept;
    }

    /// <summary>Where a head stands in its random numbers, as <see cref="Head.RandomState"/>.</summary>
    public byte[] RandomState(int head)
    {
        using var state = _generators[head].get_state();
        return state.data<byte>().ToArray();
    }

    public void Dispose()
    {
        foreach (var generator in _generators)
            generator.Dispose();
        _scale.Dispose();
    }

    private static Generator Restored(byte[] state, Device device)
    {
        var generator = new Generator(0, device);
        using var stored = tensor(state);
        generator.set_state(stored);
        return generator;
    }
}
