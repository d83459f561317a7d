using Headstart.Trainer.Evaluation;

namespace Headstart.Tests.Evaluation;

/// <summary>Do 95 % intervals hold the truth as often as they say? On simulated predictions whose truth is known.</summary>
public sealed class IntervalCoverageTests
{
    private const int DataSets = 300;

    // Half of the rows are of each class, and their logits are normal around minus and plus this, with deviation 1.
    private const double Signal = 0.8;

    [Theory]
    [InlineData(100)]
    [InlineData(400)]
    public void Intervals_hold_the_truth_about_95_times_in_100(int rows)
    {
        var trueAccuracy = NormalDistribution.Cdf(Signal);
        var trueAuc = NormalDistribution.Cdf(Signal * Math.Sqrt(2)); // the difference of two such logits has deviation sqrt(2)
        var trueLoss = MeanLoss();
        var (accuracy, auc, loss, recall) = (0, 0, 0, 0);
        for (var i = 0; i < DataSets; i++)
        {
            var random = new SeededRandom(7, "coverage", i);
            var labels = new int[rows];
            var logits = new float[rows];
            for (var r = 0; r < rows; r++)
            {
                labels[r] = random.NextBelow(2);
                logits[r] = (float)(Normal(random) + (Signal * ((2 * labels[r]) - 1)));
            }

            var report = EvaluationReport.Of(Predictions.FromLogits(logits, labels, 2), ["a", "b"], seed: i);

            accuracy += Holds(report.Intervals.Accuracy, trueAccuracy);
            auc += Holds(report.Intervals.Auc, trueAuc);
            loss += Holds(report.Intervals.Loss, trueLoss);
            recall += Holds(report.PerClass[1].Intervals.Recall, trueAccuracy);
        }

        Assert.All(
            new Dictionary<string, int> { ["accuracy"] = accuracy, ["AUC"] = auc, ["loss"] = loss, ["recall"] = recall },
            held => Assert.InRange(held.Value / (double)DataSets, 0.90, 0.99));
    }

    [Theory]
    [InlineData(0.975, 1.959963984540054)]
    [InlineData(0.5, 0)]
    [InlineData(0.0013498980316300933, -3)]
    [InlineData(0.99, 2.3263478740408408)]
    public void Normal_distribution_agrees_with_SciPy(double probability, double value)
    {
        Assert.Equal(value, NormalDistribution.Quantile(probability), 1e-12);
        Assert.Equal(probability, NormalDistribution.Cdf(value), 1e-14);
    }

    // SciPy 1.10.1: binomtest(count, 10).proportion_ci(method="wilson").
    [Theory]
    [InlineData(0.8, 0.4901624715366418, 0.9433178485456248)]
    [InlineData(1, 0.7224672001371107, 1)]
    [InlineData(0, 0, 0.27753279986288926)]
    public void Wilson_interval_is_that_of_the_textbooks(double fraction, double low, double high)
    {
        var interval = Interval.Wilson(fraction, 10)!.Value;

        Assert.Equal(low, interval.Low, 1e-12);
        Assert.Equal(high, interval.High, 1e-12);
        Assert.Null(Interval.Wilson(fraction, 0));
    }

    private static int Holds(Interval? interval, double truth) =>
        interval is { } found && found.Low <= truth && truth <= found.High ? 1 : 0;

    // The integral of log(1 + e^-z) over z, normal around the signal, by the trapezoid rule, which is as good as exact for such functions.
    private static double MeanLoss()
    {
        const double Step = 0.01;
        var sum = 0.0;
        for (var x = -10.0; x <= 10; x += Step)
            sum += Math.Exp(-x * x / 2) * Math.Log(1 + Math.Exp(-(x + Signal)));
        return sum * Step / Math.Sqrt(2 * Math.PI);
    }

    private static double Normal(SeededRandom random)
    {
        double Uniform() => ((random.NextBits() >> 11) + 1) * (1.0 / ((1UL << 53) + 1));
        return Math.Sqrt(-2 * Math.Log(Uniform())) * Math.Cos(2 * Math.PI * Uniform());
    }
}
