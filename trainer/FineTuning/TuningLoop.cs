using Headstart.Trainer.Evaluation;
using Headstart.Trainer.Training;
using static TorchSharp.torch;

namespace Headstart.Trainer.FineTuning;

/// <summary>Tunes a base together with its head. The whole of it, from top to bottom.</summary>
internal static class TuningLoop
{
    /// <param name="network">With the weights to start from, its part to tune unfrozen; changed in place.</param>
    /// <param name="train">What to learn from.</param>
    /// <param name="validation">What to judge by.</param>
    /// <param name="classes">Their names, in order.</param>
    /// <param name="onEpoch">Told of each epoch as it ends; not of those that a checkpoint holds.</param>
    /// <param name="checkpoint">Where to go on from, and what to write now and then; null for neither.</param>
    /// <param name="before">What the weights to start from are worth, as epoch 0: the first candidate for the best; null for none.</param>
    /// <param name="cancellationToken">Ends it between two steps; the network then holds the weights of a finished epoch.</param>
    /// <exception cref="CommandException">The loss is no longer a number, or an image can't be read.</exception>
    public static TrainingResult Run(
        TunedNetwork network, TuningRows train, TuningRows validation, IReadOnlyList<string> classes, TuningOptions tuning,
        Action<EpochRecord> onEpoch,
        TimeProvider time, Checkpoint? checkpoint, EpochRecord? before, CancellationToken cancellationToken)
    {
        var options = tuning.Training;
        var classWeights = ClassWeights.Of(options.ClassWeights, train.Labels, classes);
        var objective = new Objective(classes.Count, classWeights, options.LabelSmoothing);
        var sizes = TrainingLoop.BatchSizes(train.Count, options.Batch, network.Head.Plan.HasBatchNorm);
        var learningRate = new LearningRate(options, sizes.Length);
        (string Name, Tensor Value)[] tuned = [.. network.Base.Trained.Select(p => (p.Name, (Tensor)p.Value))];
        using var groups = new TuningGroups(network, tuning);
        using var snapshot = new WeightSnapshot([
            .. network.Head.State.Select(s => ($"head.{s.Name}", s.Value)), .. tuned.Select(t => ($"base.{t.Name}", t.Value))]);
        using var logitLog = new LogitLog(train.Count, network.Head.Plan.Outputs, network.Head.Device);
        var state = new TrainingState(network.Head, tuned, groups.Optimizers, snapshot);
        var progress = new TrainingProgress(state, options, onEpoch, time, checkpoint, before)
        {
            DivergenceMend = $"Lower --lr (it is {options.LearningRate}) or --head-lr (it is {options.LearningRate * tuning.HeadRate}).",
        };

        var order = new int[train.Count];
        var labels = new int[train.Count];
        while (progress.Begin() is { } epoch)
        {
            // As when a head is trained: the order depends on the seed and the epoch alone.
            for (var i = 0; i < order.Length; i++)
                order[i] = i;
            new SeededRandom(options.Seed, "shuffle", epoch).Shuffle(order.AsSpan());
            for (var i = 0; i < order.Length; i++)
                labels[i] = train.Labels[order[i]];

            var plateaus = progress.Plateaus;
            var rate = 0.0;
            var first = 0;
            network.Head.IsTraining = true;
            groups.Begin(epoch);
            foreach (var batch in train.Batches(order, sizes, tuning.Augment ? epoch : 0, cancellationToken))
            {
                if (cancellationToken.IsCancellationRequested)
                    break;
                rate = learningRate.At(groups.Steps, plateaus);
                using var step = NewDisposeScope();
                var (logits, _) = Step(network, groups, objective, batch, labels.AsSpan(first, (int)batch.shape[0]), rate);
                logitLog.Add(logits);
                first += (int)batch.shape[0];
            }

            if (first < order.Length)
                break;
            var trainFigures = Figures.FromLogits(logitLog.Take(), labels, classes.Count, classWeights);
            if (Evaluate(network, validation, options.Batch, cancellationToken) is not { } valFigures)
                break;

            progress.End(trainFigures, valFigures, rate);
        }

        return progress.Finish();
    }

    /// <summary>One step on one batch. To be called in a dispose scope.</summary>
    /// <returns>The logits and the loss before the step.</returns>
    public static (Tensor Logits, Tensor Loss) Step(
        TunedNetwork network, TuningGroups groups, Objective objective, Tensor batch, ReadOnlySpan<int> labels, double learningRate)
    {
        var logits = network.Forward(batch);
        var loss = objective.Loss(logits, labels);
        groups.ClearGradients();
        loss.backward();
        groups.Step(learningRate);
        return (logits, loss);
    }

    /// <summary>The figures of the network as it is, on plain images and without dropout.</summary>
    /// <returns>Null where it was cancelled.</returns>
    public static Figures? Evaluate(TunedNetwork network, TuningRows rows, int batch, CancellationToken cancellationToken) =>
        Predict(network, rows, batch, cancellationToken) is { } logits
            ? Figures.FromLogits(logits, rows.Labels, network.Head.Plan.Classes)
            : null;

    /// <summary>The logits of every row, row after row, on plain images and without dropout.</summary>
    /// <returns>Null where it was cancelled.</returns>
    public static float[]? Predict(TunedNetwork network, TuningRows rows, int batch, CancellationToken cancellationToken)
    {
        network.Head.IsTraining = false;
        using var noGradient = no_grad();
        using var log = new LogitLog(rows.Count, network.Head.Plan.Outputs, network.Head.Device);
        var seen = 0;
        foreach (var images in rows.Batches(
            [.. Enumerable.Range(0, rows.Count)], TrainingLoop.BatchSizes(rows.Count, batch, hasBatchNorm: false), 0, cancellationToken))
        {
            if (cancellationToken.IsCancellationRequested)
                return null;
            using var step = NewDisposeScope();
            log.Add(network.Forward(images));
            seen += (int)images.shape[0];
        }

        return seen == rows.Count ? log.Take() : null;
    }
}
