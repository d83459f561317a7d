using Headstart.Trainer.Evaluation;
using Headstart.Trainer.Features;
using Headstart.Trainer.Heads;
using static TorchSharp.torch;

namespace Headstart.Trainer.Training;

/// <summary>Trains a head. The whole of it, from top to bottom.</summary>
internal static class TrainingLoop
{
    private const int EvaluationBatch = 256;

    /// <param name="head">Fresh, or with weights to start from; changed in place.</param>
    /// <param name="train">What to learn from, as <see cref="Head.Reduce"/> leaves it.</param>
    /// <param name="validation">What to judge by, likewise.</param>
    /// <param name="classes">Their names, in order.</param>
    /// <param name="onEpoch">Told of each epoch as it ends; not of those that a checkpoint holds.</param>
    /// <param name="checkpoint">Where to go on from, and what to write now and then; null for neither.</param>
    /// <param name="cancellationToken">Ends it between two steps; the head then holds the weights of a finished epoch.</param>
    /// <exception cref="CommandException">The loss is no longer a number; or the head and the options don't fit each other.</exception>
    public static TrainingResult Run(
        Head head, FeatureSource train, FeatureSource validation, IReadOnlyList<string> classes, TrainingOptions options,
        Action<EpochRecord> onEpoch, TimeProvider time, Checkpoint? checkpoint, CancellationToken cancellationToken)
    {
        var classWeights = ClassWeights.Of(options.ClassWeights, train.Labels, classes);
        if (options.Optimizer == OptimizerChoice.Lbfgs)
            return LinearSolution.Find(head, train, validation, options, classWeights, onEpoch, time, cancellationToken);

        var objective = new Objective(classes.Count, classWeights, options.LabelSmoothing);
        var batches = BatchSizes(train.Count, options.Batch, head.Plan.HasBatchNorm);
        var learningRate = new LearningRate(options, batches.Length);
        using var steps = new HeadSteps(head, options);
        using var minibatch = new BatchMemory(train.RowShape, batches.Max(), head.Device);
        using var logitLog = new LogitLog(train.Count, head.Plan.Outputs, head.Device);
        using var snapshot = new WeightSnapshot(head.State);
        var state = new TrainingState(head, [], [steps.Optimizer], snapshot);
        var progress = new TrainingProgress(state, options, onEpoch, time, checkpoint)
        {
            DivergenceMend = $"Lower --lr (it is {options.LearningRate}).",
        };

        var labels = new int[train.Count];
        while (progress.Begin() is { } epoch)
        {
            var plateaus = progress.Plateaus;
            var rate = 0.0;
            var first = 0;
            Figures trainFigures, valFigures;
            head.IsTraining = true;
            try
            {
                // The order depends on the seed and the epoch alone, so that a training can be taken up again at any epoch.
                using (var images = train.Shuffled(options.Seed, epoch, cancellationToken))
                using (steps.Begin())
                {
                    foreach (var size in batches)
                    {
                        cancellationToken.ThrowIfCancellationRequested();
                        using var step = NewDisposeScope();
                        var ofBatch = labels.AsSpan(first, size);
                        var logits = steps.Forward(minibatch.Take(images, ofBatch));
                        objective.Loss(logits, ofBatch).backward();
                        rate = learningRate.At(steps.Optimizer.Steps, plateaus);
                        steps.Move(rate);
                        logitLog.Add(logits);
                        first += size;
                    }
                }

                trainFigures = Figures.FromLogits(logitLog.Take(), labels, classes.Count, classWeights);
                valFigures = Figures.FromLogits(Logits(head, validation, cancellationToken), validation.Labels, classes.Count);
            }
            catch (OperationCanceledException)
            {
                break;
            }

            progress.End(trainFigures, valFigures, rate);
        }

        return progress.Finish();
    }

    /// <summary>The figures of the head as it is, without dropout and with batch norm's running statistics.</summary>
    /// <param name="rows">As <see cref="Head.Reduce"/> leaves them.</param>
    public static Figures Evaluate(Head head, FeatureSource rows) =>
        Figures.FromLogits(Predict(head, rows), rows.Labels, head.Plan.Classes);

    /// <summary>The logits of every image, one after the other.</summary>
    public static float[] Predict(Head head, FeatureSource rows) => Logits(head, rows, CancellationToken.None);

    /// <summary>As <see cref="Predict"/>, for sources that take their time.</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static float[] Logits(Head head, FeatureSource rows, CancellationToken cancellationToken)
    {
        head.IsTraining = false;
        using var noGradient = no_grad();
        using var log = new LogitLog(rows.Count, head.Plan.Outputs, head.Device);
        foreach (var batch in rows.InOrder(EvaluationBatch, cancellationToken))
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var features = batch;
            using var step = NewDisposeScope();
            log.Add(head.ForwardReduced(features.to(head.Device)));
        }

        return log.Take();
    }

    /// <summary>The sizes of an epoch's batches.</summary>
    /// <remarks>Batch norm can't take the variance of a single image: a last one alone joins the batch before it.</remarks>
    internal static int[] BatchSizes(int rows, int batch, bool hasBatchNorm)
    {
        var sizes = new List<int>();
        for (var first = 0; first < rows; first += batch)
            sizes.Add(Math.Min(batch, rows - first));
        if (hasBatchNorm && sizes is [.., var beforeLast, 1])
            sizes = [.. sizes[..^2], beforeLast + 1];
        if (hasBatchNorm && sizes.Contains(1))
            throw CommandException.Usage("batchnorm needs at least 2 images a batch: raise --batch, or leave batchnorm out of --head.");
        return [.. sizes];
    }
}
