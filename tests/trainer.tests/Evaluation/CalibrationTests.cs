using CsCheck;
using Headstart.Trainer.Evaluation;

namespace Headstart.Tests.Evaluation;

public sealed class CalibrationTests
{
    public static TheoryData<string> Cases => GoldenPredictions.Names;

    [Theory]
    [MemberData(nameof(Cases))]
    public void Temperature_agrees_with_SciPy(string name)
    {
        var golden = GoldenPredictions.Named(name);

        var temperature = TemperatureScaling.Fit(golden.Logits, golden.Labels, golden.Classes);

        if (golden.Expected.Temperature is { } expected)
            Assert.Equal(1, temperature / expected, 1e-10);
        else
            Assert.Contains(temperature, (double[])[1, TemperatureScaling.Highest]); // there is no minimum between the bounds
    }

    [Fact]
    public void Temperature_of_scaled_logits_is_scaled_and_gives_back_the_same_probabilities()
    {
        var golden = GoldenPredictions.Named("four classes");
        float[] surer = [.. golden.Logits.Select(z => 4 * z)];

        var (one, four) = (Fit(golden.Logits), Fit(surer));

        Assert.Equal(4, four / one, 1e-9);
        Assert.Equal(
            LogProbabilities.FromLogits(golden.Logits, 4, one).Select(l => Math.Round(l, 9)),
            LogProbabilities.FromLogits(surer, 4, four).Select(l => Math.Round(l, 9)));

        double Fit(float[] logits) => TemperatureScaling.Fit(logits, golden.Labels, 4);
    }

    [Fact]
    public void Temperature_lowers_the_loss_and_never_changes_the_most_probable_class()
    {
        foreach (var golden in GoldenPredictions.All)
        {
            var before = golden.ToPredictions();
            var calibration = new Calibration(TemperatureScaling.Fit(golden.Logits, golden.Labels, golden.Classes));
            var after = Predictions.FromLogits(golden.Logits, golden.Labels, golden.Classes, calibration);

            Assert.Equal(before.Decided, after.Decided);
            Assert.True(
                Metrics.LogLoss(after.LogProbabilities, golden.Labels) <= Metrics.LogLoss(before.LogProbabilities, golden.Labels) + 1e-15,
                golden.Name);
        }
    }

    [Fact]
    public void Rows_that_are_all_right_justify_no_temperature()
    {
        var golden = GoldenPredictions.Named("two classes, every row right");
        Assert.Equal(1, TemperatureScaling.Fit(golden.Logits, golden.Labels, 2));
    }

    [Fact]
    public void Temperature_is_found_for_logits_that_overflow_an_exponential()
    {
        // Three right and one wrong at the same logit: certainty is right at log-odds log(3), wherever the logits were.
        Assert.Equal(8 / Math.Log(3), TemperatureScaling.Fit([8, 8, 8, 8], [1, 1, 1, 0], 2), 1e-9);
        Assert.Equal(TemperatureScaling.Highest, TemperatureScaling.Fit([1e4f, 1e4f, 1e4f, 1e4f], [1, 1, 1, 0], 2));
    }

    [Fact]
    public void Thresholds_reach_what_scikit_learns_curves_show()
    {
        var with = GoldenPredictions.All.Where(g => g.Expected.Thresholds is not null).ToList();
        Assert.NotEmpty(with);
        foreach (var golden in with)
        {
            var expected = golden.Expected.Thresholds!;

            Assert.Equal(expected.BestF1, Decide(golden, "f1").PerClass[1].F1!.Value, 1e-12);
            var sensitive = Decide(golden, "recall=0.95");
            Assert.True(sensitive.PerClass[1].Recall >= 0.95, golden.Name);
            Assert.Equal(expected.FalseAlarmsAtRecall95, sensitive.Confusion[0][1]);
            var cheap = Decide(golden, "cost=1:5");
            Assert.Equal(expected.LeastCost1To5, cheap.Confusion[0][1] + (5 * cheap.Confusion[1][0]));
        }

        static EvaluationReport Decide(GoldenPredictions golden, string rule) =>
            EvaluationReport.Of(Predictions.FromLogits(
                golden.Logits, golden.Labels, 2, Calibration.Fit(golden.Logits, golden.Labels, 2, ThresholdRule.Parse(rule))), ["a", "b"]);
    }

    [Fact]
    public void No_other_threshold_costs_less() =>
        Gen.Select(Gen.Select(Gen.Int[-4, 4], Gen.Bool).Array[2, 30], Gen.Int[1, 5], Gen.Int[1, 5]).Sample((rows, falseAlarm, miss) =>
        {
            int[] labels = [.. rows.Select(r => r.Item2 ? 1 : 0)];
            if (labels.Distinct().Count() < 2)
                return;
            var predictions = Predictions.FromLogits([.. rows.Select(r => (float)r.Item1)], labels, 2);

            var threshold = ThresholdRule.Parse($"cost={falseAlarm}:{miss}").Fit(predictions);

            var found = Cost(Math.Log(threshold / (1 - threshold)));
            Assert.Equal(Enumerable.Range(-5, 11).Min(t => Cost(t + 0.5)), found);

            int Cost(double logOdds) =>
                rows.Sum(r => (r.Item1 > logOdds, r.Item2) switch { (true, false) => falseAlarm, (false, true) => miss, _ => 0 });
        });

    [Theory]
    [InlineData("0.5", 0.5)]
    [InlineData("0.25", 0.25)]
    [InlineData("f1", 0.5)]
    [InlineData("recall=1", 0.5)]
    [InlineData("cost=1:1", 0.5)]
    [InlineData("cost=1:3", 0.25)]
    public void Well_divided_rows_leave_the_threshold_where_perfect_probabilities_would_have_it(string rule, double expected)
    {
        var predictions = Predictions.FromLogits([-5, -4, 4, 5], [0, 0, 1, 1], 2);
        Assert.Equal(expected, ThresholdRule.Parse(rule).Fit(predictions), 1e-12);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("1")]
    [InlineData("nan")]
    [InlineData("f2")]
    [InlineData("recall=0")]
    [InlineData("recall=1.1")]
    [InlineData("recall=")]
    [InlineData("cost=1")]
    [InlineData("cost=1:0")]
    [InlineData("cost=1:-1")]
    [InlineData("cost=inf:1")]
    [InlineData("cost=1:1:1")]
    [InlineData("")]
    public void Rules_that_make_no_sense_are_refused(string rule)
    {
        var error = Assert.Throws<CommandException>(() => ThresholdRule.Parse(rule));
        Assert.Equal(ExitCode.Usage, error.ExitCode);
        Assert.Contains("cost=1:5", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Fitted_threshold_needs_both_classes_and_a_given_one_does_not()
    {
        var predictions = Predictions.FromLogits([1, 2], [1, 1], 2);
        Assert.Contains("one class only", Assert.Throws<CommandException>(() => ThresholdRule.Parse("f1").Fit(predictions)).Message,
            StringComparison.Ordinal);
        Assert.Equal(0.3, ThresholdRule.Parse("0.3").Fit(predictions));
    }

    [Fact]
    public void More_classes_have_a_temperature_and_no_threshold()
    {
        var golden = GoldenPredictions.Named("four classes");

        var calibration = Calibration.Fit(golden.Logits, golden.Labels, 4, ThresholdRule.Parse(ThresholdRule.Default));

        Assert.Equal((null, null), (calibration.Threshold, calibration.ThresholdRule));
        Assert.Equal(
            ExitCode.Usage, Assert.Throws<CommandException>(() => ThresholdRule.Parse("f1").RequireTwoClasses(["a", "b", "c"])).ExitCode);
    }
}
