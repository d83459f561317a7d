using Headstart.Trainer.Features;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Training;
using static TorchSharp.torch;

namespace Headstart.Trainer.Sweeps;

/// <summary>A head that is trained together with others.</summary>
/// <param name="Head">Fresh; changed in place.</param>
/// <param name="Options">Its own; batch size and optimizer are those of all.</param>
/// <param name="From">Where to go on from; null to begin.</param>
/// <param name="To">Where to leave what it takes to go on; null for nowhere.</param>
internal sealed record StackMember(Head Head, TrainingOptions Options, Checkpoint? From = null, Checkpoint? To = null);

/// <summary>What came of one of several heads: figures, or the reason why there are none.</summary>
internal sealed record StackResult(TrainingResult? Training, string? Failure)
{
    /// <summary>Which validation images it got right, where that was asked for: <see cref="RightImages"/>.</summary>
    public string? Right { get; init; }
}

/// <summary>
/// Trains heads of one structure all at once: the same as <see cref="TrainingLoop"/> makes of each alone, up to rounding.
/// </summary>
/// <remarks>
/// Each head has its own first weights, order of images, dropout, learning rate, penalties and early stop. Of its epochs those that can't
/// be kept have no AUC: to sort all scores of all heads would cost more than to train them.
/// </remarks>
internal static class StackTraining
{
    private const int EvaluationBatch = 256;

    /// <summary>Whether two heads may be members of one stack: equal and not null.</summary>
    public static string? Key(HeadPlan plan, TrainingOptions options) => options.Optimizer == OptimizerChoice.Lbfgs
        || HeadStack.Structure(plan) is not { } structure
        ? null
        : $"{structure}; {(options.Optimizer == OptimizerChoice.Sgd ? "momentum" : "adam")}; batch {options.Batch}; epochs " +
            $"{options.Epochs}";

    /// <param name="members">Of one <see cref="Key"/>.</param>
    /// <param name="train">What to learn from, as <see cref="Head.Reduce"/> leaves it.</param>
    /// <param name="validation">What to judge by, likewise.</param>
    /// <param name="classes">Their names, in order.</param>
    /// <param name="until">Stops after this epoch, counted from the beginning, where the options don't stop earlier.</param>
    /// <returns>One result a member, in their order; the heads hold the weights that are kept. Null when it was cancelled.</returns>
    public static IReadOnlyList<StackResult>? Run(
        IReadOnlyList<StackMember> members, FeatureSet train, FeatureSet validation, IReadOnlyList<string> classes, int until,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var parts = StackParts.Of([.. members.Select(m => m.Options.Seed)], members[0].Head.Device);
        var results = new StackResult[members.Count];
        var isWhole = new bool[parts.Count];
        StackParts.ForEach(parts, (part, i) =>
        {
            if (RunPart([.. part.Select(m => members[m])], train, validation, classes, until, time, cancellationToken) is not { } ofPart)
                return;
            isWhole[i] = true;
            foreach (var (member, result) in part.Zip(ofPart))
                results[member] = result;
        });
        return isWhole.All(w => w) ? results : null;
    }

    private static StackResult[]? RunPart(
        IReadOnlyList<StackMember> members, FeatureSet train, FeatureSet validation, IReadOnlyList<string> classes, int until,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var orders = new StackOrders([.. members.Select(m => m.Options.Seed)], train);
        StackMember[] sorted = [.. orders.Members.Select(i => members[i])];
        TrainingOptions[] options = [.. sorted.Select(m => m.Options)];
        var count = sorted.Length;
        var plan = sorted[0].Head.Plan;
        var device = sorted[0].Head.Device;
        double[][] classWeights = [.. options.Select(o => ClassWeights.Of(o.ClassWeights, train.Labels, classes))];
        using var start = StackState.Restore(sorted);
        using var stack = new HeadStack([.. sorted.Select(m => m.Head)]);
        using var optimizer = new StackOptimizer(options[0].Optimizer, stack.Parameters);
        optimizer.Take(start.Optimizers);
        using var objective =
            new StackObjective(classes.Count, train.Count, classWeights, [.. options.Select(o => o.LabelSmoothing)], device);
        using var regularization = new StackRegularization(stack.Parameters, options, device);
        using var minibatch = new Minibatch(train, orders.Count * Math.Min(options[0].Batch, train.Count), device);
        using var rowLayer = stack.InPlace(train, orders.Count, options[0].Batch);
        using var log = zeros([count, train.Count, plan.Outputs], device: device).DetachFromDisposeScope();

        var steps = (train.Count + options[0].Batch - 1) / options[0].Batch;
        LearningRate[] schedules = [.. options.Select(o => new LearningRate(o, steps))];
        MemberProgress[] progress =
            [.. sorted.Select((m, k) => new MemberProgress(m.Options, m.From?.Epochs ?? [], classWeights[k], classes.Count))];
        while (progress.Where(p => p.IsRunning(until)).Select(p => (int?)p.Epochs.Count).Max() is { } done)
        {
            var begun = time.GetTimestamp();
            orders.Begin(done + 1);
            objective.Begin(orders.LabelsOfMembers);
            var plateaus = Array.ConvertAll(progress, p => p.Plateaus());
            float[] rates = [];
            for (var first = 0; first < train.Count; first += options[0].Batch)
            {
                if (cancellationToken.IsCancellationRequested)
                    return null;
                using var step = NewDisposeScope();
                var rows = Math.Min(options[0].Batch, train.Count - first);
                var logits = rowLayer is null
                    ? stack.Forward(minibatch.Gather(orders.Rows(first, rows)).view(orders.Count, rows, -1), training: true)
                    : stack.ForwardProduct(rowLayer.Multiply(orders.Rows(first, rows)));
                var loss = objective.Loss(logits, first);
                optimizer.ClearGradients();
                loss.backward();
                rowLayer?.SetGradient();
                rates = [.. schedules.Select((s, k) => (float)s.At(optimizer.Steps, plateaus[k]))];
                var perHead = tensor(rates, [count, 1, 1], device: device);
                regularization.Apply(perHead);
                optimizer.Step(perHead);
                using (no_grad())
                    log.narrow(1, first, rows).copy_(logits);
            }

            var trainLogits = Values(log);
            var valLogits = Predict(stack, validation);
            var seconds = time.GetElapsedTime(begun).TotalSeconds / count;
            Parallel.For(0, count, k => progress[k].Add(
                Part(trainLogits, k, count), orders.LabelsOfMembers[k], Part(valLogits, k, count), validation.Labels, until, rates[k],
                seconds));
            for (var k = 0; k < count; k++)
            {
                if (progress[k].KeepsLast)
                    start.Keep(stack, k);
            }
        }

        start.Finish(stack, optimizer, progress);
        var results = new StackResult[count];
        for (var k = 0; k < count; k++)
            results[orders.Members[k]] = progress[k].ToResult(until, sorted[k].From?.Epochs.Count ?? 0);
        return results;
    }

    // All heads see the same rows, so these are one order, whatever the order in training was.
    private static float[] Predict(HeadStack stack, FeatureSet rows)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var device = stack.Parameters[0].device;
        var logits = new List<Tensor>();
        for (var first = 0; first < rows.Count; first += EvaluationBatch)
        {
            using var step = NewDisposeScope();
            var batch = rows.Features.narrow(0, first, Math.Min(EvaluationBatch, rows.Count - first)).to(device);
            logits.Add(stack.Forward(batch.unsqueeze(0), training: false).MoveToOuterDisposeScope());
        }

        return Values(cat(logits, 1));
    }

    private static float[] Values(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        return tensor.cpu().contiguous().data<float>().ToArray();
    }

    private static ReadOnlyMemory<float> Part(float[] values, int part, int parts) =>
        values.AsMemory(part * (values.Length / parts), values.Length / parts);
}
