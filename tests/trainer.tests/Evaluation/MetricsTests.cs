using CsCheck;
using Headstart.Trainer.Evaluation;

namespace Headstart.Tests.Evaluation;

public sealed class MetricsTests
{
    private const double Tolerance = 1e-12;

    [Fact]
    public void Figures_do_not_depend_on_the_order_of_the_rows() =>
        Gen.Select(Gen.Int[2, 5], Gen.Int[1, 60], Gen.Int).Sample((classes, rows, seed) =>
        {
            var random = new Random(seed);
            var outputs = classes == 2 ? 1 : classes;
            var labels = Enumerable.Range(0, rows).Select(_ => random.Next(classes)).ToArray();
            var logits = Enumerable.Range(0, rows)
                .Select(_ => Enumerable.Range(0, outputs).Select(_ => random.Next(-4, 5) * 0.5f).ToArray()).ToArray();
            var order = Enumerable.Range(0, rows).ToArray();
            random.Shuffle(order);

            var straight = Figures.FromLogits([.. logits.SelectMany(l => l)], labels, classes);
            var shuffled = Figures.FromLogits([.. order.SelectMany(i => logits[i])], [.. order.Select(i => labels[i])], classes);

            Assert.Equal(straight.Accuracy, shuffled.Accuracy);
            Assert.Equal(straight.Loss, shuffled.Loss, Tolerance);
            Assert.Equal(straight.Auc ?? -1, shuffled.Auc ?? -1, Tolerance);
        });

    [Fact]
    public void Area_is_the_fraction_of_pairs_in_the_right_order_with_ties_half() =>
        Gen.Select(Gen.Int[-3, 3], Gen.Bool).Array[1, 40].Sample(rows =>
        {
            var pairs = rows.Where(p => p.Item2).SelectMany(p => rows.Where(n => !n.Item2), (p, n) => p.Item1.CompareTo(n.Item1)).ToList();
            double? expected = pairs.Count == 0 ? null : pairs.Average(order => (order + 1) / 2.0);

            var found = RocAuc.Binary([.. rows.Select(r => (double)r.Item1)], [.. rows.Select(r => r.Item2)]);

            Assert.Equal(expected is null, found is null);
            Assert.Equal(expected ?? 0, found ?? 0, Tolerance);
        });

    [Fact]
    public void Negated_scores_mirror_the_area()
    {
        double[] scores = [0.1, 0.4, 0.4, 0.8, 0.3];
        bool[] positive = [false, true, false, true, true];

        var area = RocAuc.Binary([.. scores], [.. positive])!.Value;
        var mirrored = RocAuc.Binary([.. scores.Select(s => -s)], [.. positive])!.Value;

        Assert.Equal(1, area + mirrored, Tolerance);
    }

    [Fact]
    public void Area_is_not_defined_for_one_class() => Assert.Null(RocAuc.Binary([0.1, 0.9], [true, true]));

    [Theory]
    [InlineData(1000f)]
    [InlineData(-1000f)]
    [InlineData(40f)]
    public void Extreme_logits_keep_their_loss(float logit)
    {
        var wrong = Figures.FromLogits([logit], [logit > 0 ? 0 : 1], 2);
        var right = Figures.FromLogits([logit], [logit > 0 ? 1 : 0], 2);

        Assert.Equal(Math.Abs(logit), wrong.Loss, Tolerance);
        Assert.Equal(Math.Exp(-Math.Abs(logit)), right.Loss, 1e-20);
    }

    [Fact]
    public void One_logit_equals_a_softmax_over_zero_and_it()
    {
        float[] logits = [-3.5f, 0f, 0.25f, 7f];

        var one = LogProbabilities.FromLogits(logits, 2);

        // A softmax of two outputs has no entry of its own here: three classes with one of them impossible come to the same.
        var softmax = LogProbabilities.FromLogits([.. logits.SelectMany(z => new[] { 0, z, -1e6f })], 3);
        for (var i = 0; i < logits.Length; i++)
        {
            Assert.Equal(softmax[3 * i], one[2 * i], Tolerance);
            Assert.Equal(softmax[(3 * i) + 1], one[(2 * i) + 1], Tolerance);
        }
    }

    [Fact]
    public void Class_weights_multiply_the_loss_and_the_mean_stays_over_rows()
    {
        float[] logits = [1f, -2f, 0.5f];
        int[] labels = [1, 0, 0];

        var each = labels.Select((y, i) => Figures.FromLogits([logits[i]], [y], 2).Loss).ToArray();

        Assert.Equal(
            ((0.25 * each[1]) + (0.25 * each[2]) + (3 * each[0])) / 3, Figures.FromLogits(logits, labels, 2, [0.25, 3]).Loss, Tolerance);
    }
}
