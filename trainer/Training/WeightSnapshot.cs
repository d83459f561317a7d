using static TorchSharp.torch;

namespace Headstart.Trainer.Training;

/// <summary>A copy of weights in memory that is taken once.</summary>
internal sealed class WeightSnapshot : IDisposable
{
    private readonly Tensor[] _live;
    private readonly Tensor[] _kept;
    private readonly string[] _names;

    /// <param name="weights">Live tensors; they must outlive this.</param>
    public WeightSnapshot(IReadOnlyList<(string Name, Tensor Value)> weights)
    {
        _live = [.. weights.Select(s => s.Value)];
        _names = [.. weights.Select(s => s.Name)];
        using var noGradient = no_grad();
        _kept = [.. _live.Select(t => t.clone().DetachFromDisposeScope())];
    }

    /// <summary>What is kept. Live tensors: writing to them changes it.</summary>
    public IEnumerable<(string Name, Tensor Value)> State => _names.Zip(_kept);

    /// <summary>Keeps the weights as they are now.</summary>
    public void Take() => Copy(_live, _kept);

    /// <summary>Gives the weights the values that were kept last.</summary>
    public void Restore() => Copy(_kept, _live);

    public void Dispose()
    {
        foreach (var tensor in _kept)
            tensor.Dispose();
    }

    private static void Copy(Tensor[] from, Tensor[] to)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        for (var i = 0; i < from.Length; i++)
            to[i].copy_(from[i]);
    }
}
