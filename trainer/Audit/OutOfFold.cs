using Headstart.Trainer.Training;
using static TorchSharp.torch;

namespace Headstart.Trainer.Audit;

/// <summary>
/// What each image would be taken for by a linear head that has not seen it: L2-regularised logistic regression, once a fold.
/// </summary>
/// <remarks>
/// Softmax over the classes on standardised features, mean cross-entropy + 1/2 · |kernel|². The penalty is strong on purpose, because a
/// head that could bend to each wrong label would not find it: of cats and dogs with 5 % of the labels flipped, 1 finds more than 0.1 and
/// as many as 10. In double precision, because L-BFGS stops early where the loss is rounded.
/// </remarks>
internal static class OutOfFold
{
    private const double Penalty = 1;
    private const double Tolerance = 1e-4;
    private const int MaxIterations = 200;
    private const int Block = 4096;

    /// <param name="features">float64 [n, c]; standardised in place.</param>
    /// <param name="labels">n class numbers.</param>
    /// <param name="foldOf">n folds; images without one neither learn nor are judged.</param>
    /// <param name="classes">How many.</param>
    /// <param name="progress">Told of each fold.</param>
    /// <returns>n rows of probabilities; those of images without a fold are 0.</returns>
    public static double[][] Predict(
        Tensor features, int[] labels, int[] foldOf, int classes, IProgress<int> progress, CancellationToken cancellationToken)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        features.sub_(features.mean([0])).div_(features.std(0, unbiased: false).clamp_min(1e-6));
        var (n, width) = (labels.Length, checked((int)features.shape[1]));
        var probabilities = new double[n][];
        Array.Fill(probabilities, new double[classes]);
        var targets = tensor(labels.Select(l => (long)Math.Max(l, 0)).ToArray());
        foreach (var fold in foldOf.Where(f => f != LabelFolds.None).Distinct().Order().ToList())
        {
            using var each = NewDisposeScope();
            var learns = tensor(foldOf.Select(f => f != LabelFolds.None && f != fold ? 1.0 : 0.0).ToArray());
            var count = foldOf.Count(f => f != LabelFolds.None && f != fold);
            var x = new double[classes * (width + 1)];
            Lbfgs.Minimize((at, slopes) => Loss(features, targets, learns, count, at, slopes, classes), x, Tolerance, MaxIterations,
                cancellationToken);
            var held = Enumerable.Range(0, n).Where(i => foldOf[i] == fold).ToArray();
            var (kernel, bias) = Weights(x, classes, width);
            var predicted = nn.functional.softmax(features.index_select(0, tensor(held, ScalarType.Int64)).matmul(kernel.t()) + bias, 1)
                .data<double>().ToArray();
            for (var i = 0; i < held.Length; i++)
                probabilities[held[i]] = predicted[(i * classes)..((i + 1) * classes)];
            progress.Report(1);
        }

        return probabilities;
    }

    // All images are multiplied, and those that don't learn are taken out of the error: cheaper than a copy of the others for each fold.
    private static double Loss(
        Tensor features, Tensor targets, Tensor learns, int count, ReadOnlySpan<double> at, Span<double> slopes, int classes)
    {
        using var scope = NewDisposeScope();
        var (kernel, bias) = Weights(at.ToArray(), classes, checked((int)features.shape[1]));
        var slope = kernel * Penalty;
        var biasSlope = zeros_like(bias);
        var loss = Penalty / 2 * kernel.square().sum().item<double>();
        for (var first = 0L; first < features.shape[0]; first += Block)
        {
            using var step = NewDisposeScope();
            var rows = Math.Min(Block, features.shape[0] - first);
            var (x, y, weight) = (features.narrow(0, first, rows), targets.narrow(0, first, rows).unsqueeze(1),
                learns.narrow(0, first, rows).unsqueeze(1) / count);
            var logs = nn.functional.log_softmax(x.matmul(kernel.t()) + bias, 1);
            loss -= (logs.gather(1, y) * weight).sum().item<double>();
            var error = logs.exp().scatter_add_(1, y, full_like(weight, -1)) * weight;
            slope.add_(error.t().matmul(x));
            biasSlope.add_(error.sum([0L]));
        }

        cat([slope.flatten(), biasSlope]).data<double>().CopyTo(slopes);
        return loss;
    }

    private static (Tensor Kernel, Tensor Bias) Weights(double[] x, int classes, int width)
    {
        var all = tensor(x);
        return (all.narrow(0, 0, classes * width).view(classes, width), all.narrow(0, classes * width, classes));
    }
}
