using Headstart.Training.Heads;
using static TorchSharp.torch;

namespace Headstart.Training;

/// <summary>A copy of a head's weights in memory that is taken once.</summary>
internal sealed class HeadSnapshot : IDisposable
{
    private readonly Tensor[] _live;
    private readonly Tensor[] _kept;
    private readonly string[] _names;

    public HeadSnapshot(Head head)
    {
        _live = [.. head.State.Select(s => s.Value)];
        _names = [.. head.State.Select(s => s.Name)];
        using var noGradient = no_grad();
        _kept = [.. _live.Select(t => t.clone().DetachFromDisposeScope())];
    }

    /// <summary>What is kept. Live tensors: writing to them changes it.</summary>
    public IEnumerable<(string Name, Tensor Value)> State => _names.Zip(_kept);

    /// <summary>Keeps the weights as they are now.</summary>
    public void Take() => Copy(_live, _kept);

    /// <summary>Gives the head the weights that were kept last.</summary>
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
