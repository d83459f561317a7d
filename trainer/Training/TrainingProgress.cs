using Headstart.Trainer.Evaluation;

namespace Headstart.Trainer.Training;

/// <summary>The epochs of one training: which is the best, whose weights are kept, when to stop, and where to go on from.</summary>
internal sealed class TrainingProgress
{
    private readonly TrainingState _state;
    private readonly TrainingOptions _options;
    private readonly Action<EpochRecord> _onEpoch;
    private readonly TimeProvider _time;
    private readonly Checkpoint? _checkpoint;
    private readonly List<EpochRecord> _epochs;
    private readonly int _resumedAfter;
    private readonly EpochRecord? _before;
    private EpochRecord? _best;
    private long _start;

    /// <param name="state">What is trained; brought to where the checkpoint says it was.</param>
    /// <param name="onEpoch">Told of each epoch as it ends; not of those that the checkpoint holds.</param>
    /// <param name="checkpoint">Where to go on from, and what to write now and then; null for neither.</param>
    /// <param name="before">Epoch 0: how good the weights are that it begins with, which may stay the best; null where nothing was learnt
    /// yet.</param>
    /// <exception cref="CommandException">The checkpoint is another training's.</exception>
    public TrainingProgress(
        TrainingState state, TrainingOptions options, Action<EpochRecord> onEpoch, TimeProvider time, Checkpoint? checkpoint,
        EpochRecord? before = null)
    {
        (_state, _options, _onEpoch, _time, _checkpoint, _before) = (state, options, onEpoch, time, checkpoint, before);
        checkpoint?.Restore(state);
        _epochs = [.. checkpoint?.Epochs ?? []];
        _resumedAfter = _epochs.Count;
        _best = Candidates.MinBy(e => e.Val.Loss);
    }

    /// <summary>What to lower when the loss is no longer a number.</summary>
    public string DivergenceMend { get; init; } = "";

    /// <summary>How often the validation loss has come to a halt so far; 0 for schedules that don't ask.</summary>
    public int Plateaus => _options.Schedule == Schedule.Plateau ? LearningRate.Plateaus(_epochs.Select(e => e.Val.Loss)) : 0;

    // What is kept before the first epoch ends are the weights that it began with: WeightSnapshot holds them from the start.
    private IEnumerable<EpochRecord> Candidates => _before is null ? _epochs : _epochs.Prepend(_before);

    private bool IsAtEnd => _epochs.Count >= _options.Epochs || _epochs.Count - _best?.Epoch >= _options.EarlyStop;

    /// <summary>Begins the next epoch.</summary>
    /// <returns>Its number, from 1; null when there are to be no more.</returns>
    public int? Begin()
    {
        if (IsAtEnd)
            return null;
        _start = _time.GetTimestamp();
        return _epochs.Count + 1;
    }

    /// <summary>Ends the epoch that was begun: its weights are kept if they are to be, and a checkpoint is written if one is due.</summary>
    /// <param name="rate">The learning rate of its last step.</param>
    /// <exception cref="CommandException">The loss is no longer a number.</exception>
    public void End(Figures train, Figures val, double rate)
    {
        var record = new EpochRecord(_epochs.Count + 1, train, val, rate, _time.GetElapsedTime(_start).TotalSeconds);
        if (!double.IsFinite(train.Loss) || !double.IsFinite(val.Loss))
        {
            throw new CommandException(
                $"The loss became {(double.IsFinite(train.Loss) ? val.Loss : train.Loss)} in epoch {record.Epoch}: " +
                $"training diverged. {DivergenceMend}");
        }

        _epochs.Add(record);
        var isBest = _best is null || val.Loss < _best.Val.Loss;
        _best = isBest ? record : _best;
        if (isBest || _options.EarlyStop is null)
            _state.Kept.Take();
        _onEpoch(record);
        _checkpoint?.SaveIfDue(_state, _epochs);
    }

    /// <summary>Gives the network the weights that are kept. A training that could still go on was interrupted.</summary>
    public TrainingResult Finish()
    {
        _state.Kept.Restore();
        _state.Head.IsTraining = false;
        return new TrainingResult(_epochs, _best, _options.EarlyStop is null ? _epochs.LastOrDefault() : _best, !IsAtEnd, _resumedAfter);
    }
}
