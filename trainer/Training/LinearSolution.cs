using Headstart.Trainer.Evaluation;
using Headstart.Trainer.Features;
using Headstart.Trainer.Heads;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Headstart.Trainer.Training;

/// <summary>
/// The exact solution of a head without layers of its own: logistic regression, which has one minimum, and L-BFGS goes there.
/// </summary>
/// <remarks>
/// Mean cross-entropy + l2/2 · |kernel|², in double precision: what scikit-learn's LogisticRegression calls C is 1/(l2 · n). The result
/// does not depend on seeds. One epoch record tells of the whole.
/// </remarks>
internal static class LinearSolution
{
    private const int Chunk = 256;
    private const double Tolerance = 1e-8;
    private const int MaxIterations = 1000;

    /// <param name="head">Changed in place.</param>
    /// <param name="train">As <see cref="Head.Reduce"/> leaves it.</param>
    /// <param name="validation">Likewise.</param>
    /// <param name="classWeights">One a class, or none.</param>
    /// <exception cref="CommandException">A head with layers, dropout or normalisation of its own.</exception>
    public static TrainingResult Find(
        Head head, FeatureSource train, FeatureSource validation, TrainingOptions options, double[] classWeights,
        Action<EpochRecord> onEpoch, TimeProvider time,
        CancellationToken cancellationToken)
    {
        RequireLinear(head.Plan);
        var start = time.GetTimestamp();
        var (kernel, bias) = (head.Parameters[0].Value, head.Parameters[1].Value);
        var objective = new Objective(head.Plan.Classes, classWeights, options.LabelSmoothing);
        var l2 = options.L2 ?? 1.0 / train.Count;
        var x = new double[kernel.numel() + bias.numel()];
        try
        {
            var convergence = Lbfgs.Minimize(Loss, x, Tolerance, MaxIterations, cancellationToken);
            SetWeights();
            var record = new EpochRecord(
                1,
                Figures.FromLogits(TrainingLoop.Logits(head, train, cancellationToken), train.Labels, head.Plan.Classes, classWeights),
                Figures.FromLogits(TrainingLoop.Logits(head, validation, cancellationToken), validation.Labels, head.Plan.Classes),
                LearningRate: 0,
                time.GetElapsedTime(start).TotalSeconds);
            onEpoch(record);
            return new TrainingResult([record], record, record, Interrupted: false, Solution: convergence);
        }
        catch (OperationCanceledException)
        {
            return new TrainingResult([], null, null, Interrupted: true);
        }

        void SetWeights()
        {
            using var noGradient = no_grad();
            using var scope = NewDisposeScope();
            var solution = tensor(x);
            kernel.copy_(solution.narrow(0, 0, kernel.numel()).view(kernel.shape));
            bias.copy_(solution.narrow(0, kernel.numel(), bias.numel()));
        }

        double Loss(ReadOnlySpan<double> at, Span<double> gradient)
        {
            using var scope = NewDisposeScope();
            var values = tensor(at.ToArray(), device: head.Device);
            using var w = new Parameter(values.narrow(0, 0, kernel.numel()).view(kernel.shape).clone());
            using var b = new Parameter(values.narrow(0, kernel.numel(), bias.numel()).clone());
            var sum = 0.0;
            var first = 0;
            foreach (var chunk in train.InOrder(Chunk, cancellationToken))
            {
                using var rows = chunk;
                using var step = NewDisposeScope();
                var count = (int)rows.shape[0];
                var features = rows.to(head.Device).to(ScalarType.Float64);
                var loss = objective.Loss(features.matmul(w.t()) + b, train.Labels.AsSpan(first, count)) * ((double)count / train.Count);
                loss.backward();
                sum += loss.item<double>();
                first += count;
            }

            using var noGradient = no_grad();
            var slopes = cat([(w.grad! + (w * l2)).flatten(), b.grad!.flatten()]).cpu();
            slopes.data<double>().CopyTo(gradient);
            return sum + (l2 / 2 * w.square().sum().item<double>());
        }
    }

    /// <exception cref="CommandException">A head with layers, dropout or normalisation of its own.</exception>
    public static void RequireLinear(HeadPlan plan)
    {
        if (plan.Pieces.Count == plan.FixedPieces + 1)
            return;
        var trained = plan.Pieces[plan.FixedPieces].Piece;
        throw CommandException.Usage($"--optimizer lbfgs: it solves linear heads, such as gap or flatten; '{plan.Spec}' has {trained} in " +
            "it. Take it out, or train with adam.");
    }
}
