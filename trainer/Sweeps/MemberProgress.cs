using Headstart.Trainer.Evaluation;
using Headstart.Trainer.Training;

namespace Headstart.Trainer.Sweeps;

/// <summary>
/// How far one of several heads is that are trained together. What <see cref="TrainingLoop"/> decides about epochs is decided here alike.
/// </summary>
/// <param name="options">Of the head.</param>
/// <param name="before">Its epochs so far.</param>
/// <param name="classWeights">One a class, or none.</param>
/// <param name="classes">How many.</param>
internal sealed class MemberProgress(TrainingOptions options, IReadOnlyList<EpochRecord> before, double[] classWeights, int classes)
{
    private readonly List<EpochRecord> _epochs = [.. before];
    private EpochRecord? _best = before.MinBy(e => e.Val.Loss);

    public IReadOnlyList<EpochRecord> Epochs => _epochs;

    /// <summary>Why it came to no end; null as long as all is well.</summary>
    public string? Failure { get; private set; }

    /// <summary>Whether the weights of the last epoch are to be kept because they are the best.</summary>
    public bool KeepsLast { get; private set; }

    public bool IsRunning(int until) =>
        Failure is null && _epochs.Count < Math.Min(until, options.Epochs) && !(_epochs.Count - _best?.Epoch >= options.EarlyStop);

    public int Plateaus() => options.Schedule == Schedule.Plateau ? LearningRate.Plateaus(_epochs.Select(e => e.Val.Loss)) : 0;

    /// <summary>Adds an epoch, unless there should be none any more.</summary>
    public void Add(
        ReadOnlyMemory<float> trainLogits, int[] trainLabels, ReadOnlyMemory<float> valLogits, int[] valLabels, int until, double rate,
        double seconds)
    {
        KeepsLast = false;
        if (!IsRunning(until))
            return;
        var epoch = _epochs.Count + 1;
        var judged = LogProbabilities.FromLogits(valLogits.Span, classes);
        var valLoss = Metrics.LogLoss(judged, valLabels);
        if (!double.IsFinite(valLoss))
        {
            Failure = $"the loss became {valLoss} in epoch {epoch}: it diverged";
            return;
        }

        var isBest = _best is null || valLoss < _best.Val.Loss;
        KeepsLast = isBest && options.EarlyStop is not null;
        var mayBeKept = KeepsLast || (options.EarlyStop is null && epoch == Math.Min(until, options.Epochs));
        var trained = mayBeKept
            ? Figures.FromLogits(trainLogits.Span, trainLabels, classes, classWeights)
            : new Figures(double.NaN, double.NaN, null);
        var record = new EpochRecord(
            epoch, trained, new Figures(valLoss, Metrics.Accuracy(judged, valLabels), mayBeKept ? RocAuc.Of(judged, valLabels) : null),
            rate, seconds);
        _epochs.Add(record);
        _best = isBest ? record : _best;
    }

    public StackResult ToResult(int until, int resumedAfter)
    {
        var kept = options.EarlyStop is null ? _epochs.LastOrDefault() : _best;
        var isCut = _epochs.Count == until && until < options.Epochs;
        return Failure is null
            ? new StackResult(new TrainingResult(_epochs, _best, kept, isCut, resumedAfter), null)
            : new StackResult(null, Failure);
    }
}
