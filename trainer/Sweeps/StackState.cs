using Headstart.Trainer.Training;
using static TorchSharp.torch;

namespace Headstart.Trainer.Sweeps;

/// <summary>
/// Where each of several heads stood before they were trained together, and stands afterwards, as a training of it alone would have it.
/// </summary>
internal sealed class StackState : IDisposable
{
    private readonly StackMember[] _members;
    private readonly GradientOptimizer[] _optimizers;
    private readonly WeightSnapshot[] _kept;
    private readonly bool[] _hasKept;

    private StackState(StackMember[] members)
    {
        _members = members;
        _optimizers = [.. members.Select(m => GradientOptimizer.Create(m.Options.Optimizer, m.Head.Parameters.Select(p => p.Value)))];
        _kept = [.. members.Select(m => new WeightSnapshot(m.Head.State))];
        _hasKept = new bool[members.Length];
    }

    public IReadOnlyList<GradientOptimizer> Optimizers => _optimizers;

    /// <summary>Brings the heads to where their checkpoints say they are.</summary>
    public static StackState Restore(StackMember[] members)
    {
        var state = new StackState(members);
        for (var k = 0; k < members.Length; k++)
        {
            members[k].From?.Restore(new TrainingState(members[k].Head, [], [state._optimizers[k]], state._kept[k]));
            state._hasKept[k] = members[k].From is { Epochs.Count: > 0 } && members[k].Options.EarlyStop is not null;
        }

        return state;
    }

    /// <summary>Keeps the weights that a head has now.</summary>
    public void Keep(HeadStack stack, int head)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        foreach (var ((_, kept), stacked) in _kept[head].State.Zip(stack.Parameters))
            kept.copy_(stacked.select(0, head));
        _hasKept[head] = true;
    }

    /// <summary>Writes the checkpoints, and leaves in each head the weights that are kept.</summary>
    public void Finish(HeadStack stack, StackOptimizer optimizer, MemberProgress[] progress)
    {
        stack.CopyToHeads();
        for (var k = 0; k < _members.Length; k++)
        {
            if (!_hasKept[k])
                _kept[k].Take();
            if (_members[k].To is { } checkpoint && progress[k].Failure is null)
            {
                optimizer.Give(_optimizers[k], k);
                checkpoint.Save(new TrainingState(_members[k].Head, [], [_optimizers[k]], _kept[k]), progress[k].Epochs);
            }

            _kept[k].Restore();
            _members[k].Head.IsTraining = false;
        }
    }

    public void Dispose()
    {
        foreach (var optimizer in _optimizers)
            optimizer.Dispose();
        foreach (var kept in _kept)
            kept.Dispose();
    }
}
