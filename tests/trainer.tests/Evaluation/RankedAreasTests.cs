using Headstart.Trainer.Evaluation;

namespace Headstart.Tests.Evaluation;

public sealed class RankedAreasTests
{
    // SciPy 1.10.1: t.ppf(0.975, degrees).
    [Theory]
    [InlineData(1, 12.706204736432095)]
    [InlineData(1.5, 6.016663107990447)]
    [InlineData(2, 4.302652729911275)]
    [InlineData(7.3, 2.345066736150929)]
    [InlineData(120.5, 1.9798467346103115)]
    [InlineData(999, 1.9623414611334487)]
    [InlineData(2000, 1.9611508260994375)]
    public void Students_distribution_agrees_with_SciPy(double degrees, double reach)
    {
        Assert.Equal(reach, StudentDistribution.Reach(degrees), 1e-6);
        Assert.Equal(NormalDistribution.Quantile(0.975), StudentDistribution.Reach(double.PositiveInfinity));
    }

    /// <summary>4,400 rows of 2,101 classes: nine million scores, of which 2,100 classes are told apart by nothing, and one
    /// perfectly.</summary>
    [Fact]
    public void Any_number_of_rows_and_classes_has_the_interval_of_the_mean_area_and_not_that_of_the_perfect_classes()
    {
        const int Noise = 2100, Rows = 2, Perfect = 200;
        var random = new SeededRandom(1, "many classes");
        var labels = Enumerable.Range(0, Noise * Rows).Select(i => i / Rows).Concat(Enumerable.Repeat(Noise, Perfect)).ToArray();
        var logits = new float[labels.Length * (Noise + 1)];
        for (var i = 0; i < labels.Length; i++)
        {
            var row = logits.AsSpan(i * (Noise + 1), Noise + 1);
            for (var c = 0; c < Noise; c++)
                row[c] = Uniform(random);
            row[Noise] = labels[i] == Noise ? 30 : -30;
        }

        var report =
            EvaluationReport.Of(Predictions.FromLogits(logits, labels, Noise + 1), [.. Enumerable.Range(0, Noise + 1).Select(c => $"{c}")]);

        // A row of a noisy class is before each perfect one, whose other classes have next to no probability, and before half of the rest.
        var ofNoise = (((Noise - 1) * Rows * 0.5) + Perfect) / (((Noise - 1) * Rows) + Perfect);
        var truth = ((Noise * ofNoise) + 1) / (Noise + 1);
        var auc = report.Intervals.Auc!.Value;
        Assert.InRange(truth, auc.Low, auc.High);
        Assert.InRange(report.Auc!.Value, auc.Low, auc.High);

        // A place among many is uniform, so that its variance is 1/12: of 4,200 rows' mean the deviation is 0.0045.
        Assert.InRange(auc.High - auc.Low, 2 * 1.96 * 0.0040, 2 * 1.96 * 0.0050);
        var average = report.Intervals.AveragePrecision!.Value;
        Assert.InRange(report.AveragePrecision!.Value, average.Low, average.High);
        Assert.Equal(Interval.Wilson(1, Perfect), report.PerClass[Noise].Intervals.Auc);
        Assert.All(report.PerClass.Take(Noise),
            c => Assert.True(c.Intervals.Auc!.Value.Low <= c.Auc && c.Auc <= c.Intervals.Auc!.Value.High, $"{c}"));
        foreach (var (figure, interval) in new[]
        {
            (report.Accuracy, report.Intervals.Accuracy),
            (report.Macro.F1, report.Intervals.MacroF1),
            (report.Macro.Recall, report.Intervals.MacroRecall),
        })
            Assert.InRange(figure, interval!.Value.Low, interval.Value.High);
    }

    /// <summary>Resampling rows leaves out every seventh class of two rows, and finds nothing to vary in a class of one; the truth is held
    /// all the same.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Classes_of_few_rows_have_a_mean_area_whose_interval_holds_the_truth(int rows)
    {
        const int Classes = 40, Sets = 200;
        const double Signal = 1;
        var truth = NormalDistribution.Cdf(Signal / Math.Sqrt(2));
        var held = 0;
        for (var set = 0; set < Sets; set++)
        {
            var random = new SeededRandom(3, "few rows", set);
            var labels = Enumerable.Range(0, Classes * rows).Select(i => i / rows).ToArray();
            var logProbabilities = new double[labels.Length * Classes];
            for (var i = 0; i < logProbabilities.Length; i++)
                logProbabilities[i] = Normal(random) + (i % Classes == labels[i / Classes] ? Signal : 0);

            var auc = RankedAreas.Of(new Predictions(logProbabilities, labels)).OverallAuc.Interval!.Value;

            held += auc.Low <= truth && truth <= auc.High ? 1 : 0;
        }

        // Of one row a class the spread is not known, and the widest possible is taken.
        Assert.InRange(held / (double)Sets, 0.90, rows == 1 ? 1 : 0.99);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(12)]
    public void A_rare_class_has_an_area_whose_interval_holds_the_truth(int rows)
    {
        const int Others = 800, Sets = 300;
        var held = 0;
        for (var set = 0; set < Sets; set++)
        {
            var random = new SeededRandom(5, "rare", set);
            var labels = new int[Others + rows];
            labels.AsSpan(Others).Fill(1);
            var logits = labels.Select(l => (float)(Normal(random) + l)).ToArray();

            var auc = RankedAreas.Of(Predictions.FromLogits(logits, labels, 2)).OverallAuc.Interval!.Value;

            held += auc.Low <= NormalDistribution.Cdf(1 / Math.Sqrt(2)) && NormalDistribution.Cdf(1 / Math.Sqrt(2)) <= auc.High ? 1 : 0;
        }

        Assert.InRange(held / (double)Sets, 0.88, 0.99);
    }

    [Fact]
    public void Scores_that_are_all_alike_have_an_area_and_no_interval()
    {
        var areas = RankedAreas.Of(Predictions.FromLogits(new float[30], [.. Enumerable.Range(0, 30).Select(i => i % 2)], 2));

        Assert.Equal((0.5, null), (areas.OverallAuc.Value, areas.OverallAuc.Interval));
    }

    private static float Uniform(SeededRandom random) => (random.NextBits() >> 40) * (1f / (1 << 24));

    private static double Normal(SeededRandom random)
    {
        double Next() => ((random.NextBits() >> 11) + 1) * (1.0 / ((1UL << 53) + 1));
        return Math.Sqrt(-2 * Math.Log(Next())) * Math.Cos(2 * Math.PI * Next());
    }
}
