using Headstart.Trainer.Evaluation;
using Headstart.Trainer.Reports;

namespace Headstart.Tests.Reports;

public sealed class RankingTests
{
    // Source: scikit-learn 1.2.1, roc_curve(y, s, drop_intermediate=False) and precision_recall_curve(y, s) with y = [0,1,1,0,1], s =
    // [.1,.4,.4,.6,.9].
    private static readonly double[] Scores = [0.1, 0.4, 0.4, 0.6, 0.9];
    private static readonly bool[] Positive = [false, true, true, false, true];

    [Fact]
    public void The_roc_curve_is_that_of_scikit_learn() =>
        Assert.Equal([(0, 0), (0, 1 / 3.0), (0.5, 1 / 3.0), (0.5, 1), (1, 1)], Ranking.Roc(Scores, Positive));

    [Fact]
    public void The_precision_recall_curve_is_that_of_scikit_learn() =>
        Assert.Equal([(0, 1), (1 / 3.0, 1), (1 / 3.0, 0.5), (1, 0.75), (1, 0.6)], Ranking.PrecisionRecall(Scores, Positive));

    [Fact]
    public void The_area_below_the_roc_curve_is_the_auc()
    {
        var random = new Random(3);
        var scores = Enumerable.Range(0, 300).Select(_ => Math.Round(random.NextDouble(), 2)).ToArray();
        var positive = scores.Select(s => random.NextDouble() < s).ToArray();

        var curve = Ranking.Roc(scores, positive);
        var area = curve.Zip(curve.Skip(1)).Sum(p => (p.Second.X - p.First.X) * (p.Second.Y + p.First.Y) / 2);

        Assert.Equal(RocAuc.Binary(scores, positive)!.Value, area, 1e-12);
    }

    [Fact]
    public void One_sided_rows_have_no_curve() => Assert.Empty(Ranking.Roc(Scores, [true, true, true, true, true]));
}
