using System.Text.Json;
using Headstart.Trainer.Evaluation;

namespace Headstart.Tests.Evaluation;

public sealed class EvaluationReportTests
{
    private const double Tolerance = 1e-12;

    public static TheoryData<string> Cases => GoldenPredictions.Names;

    [Theory]
    [MemberData(nameof(Cases))]
    public void Figures_agree_with_scikit_learn_and_NumPy(string name)
    {
        var golden = GoldenPredictions.Named(name);

        var report = Report(golden);

        var expected = golden.Expected;
        Assert.Equal(golden.Labels.Length, report.Rows);
        Assert.Equal(expected.Loss, report.Loss, Tolerance);
        Assert.Equal(expected.Accuracy, report.Accuracy, Tolerance);
        AssertEqual(expected.Auc, report.Auc);
        AssertEqual(expected.AveragePrecision, report.AveragePrecision);
        Assert.Equal(expected.Ece, report.Ece, Tolerance);
        Assert.Equal(expected.Macro.Precision, report.Macro.Precision, Tolerance);
        Assert.Equal(expected.Macro.Recall, report.Macro.Recall, Tolerance);
        Assert.Equal(expected.Macro.F1, report.Macro.F1, Tolerance);
        Assert.Equal(expected.Confusion, report.Confusion);
        Assert.Equal(golden.Classes, report.PerClass.Count);
        foreach (var (theirs, ours) in expected.PerClass.Zip(report.PerClass))
        {
            Assert.Equal(theirs.Rows, ours.Rows);
            AssertEqual(theirs.Precision, ours.Precision);
            AssertEqual(theirs.Recall, ours.Recall);
            AssertEqual(theirs.F1, ours.F1);
            AssertEqual(theirs.Auc, ours.Auc);
            AssertEqual(theirs.AveragePrecision, ours.AveragePrecision);
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Training_shows_the_same_loss_accuracy_and_area(string name)
    {
        var golden = GoldenPredictions.Named(name);

        var figures = Figures.FromLogits(golden.Logits, golden.Labels, golden.Classes);

        Assert.Equal(golden.Expected.Loss, figures.Loss, Tolerance);
        Assert.Equal(golden.Expected.Accuracy, figures.Accuracy, Tolerance);
        AssertEqual(golden.Expected.Auc, figures.Auc);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Every_interval_holds_its_figure_and_stays_where_figures_can_be(string name)
    {
        var report = Report(GoldenPredictions.Named(name));
        var (all, macro) = (report.Intervals, report.Macro);
        var pairs = new List<(double? Figure, Interval? Interval)>
        {
            (report.Accuracy, all.Accuracy), (report.Auc, all.Auc), (report.AveragePrecision, all.AveragePrecision), (report.Ece, all.Ece),
            (macro.Precision, all.MacroPrecision), (macro.Recall, all.MacroRecall), (macro.F1, all.MacroF1),
        };
        foreach (var (c, i) in report.PerClass.Select(c => (c, c.Intervals)))
            pairs.AddRange(
                [(c.Precision, i.Precision), (c.Recall, i.Recall), (c.F1, i.F1), (c.Auc, i.Auc), (c.AveragePrecision, i.AveragePrecision)]);

        foreach (var (figure, interval) in pairs.Where(p => p.Interval is not null))
        {
            Assert.InRange(figure!.Value, interval!.Value.Low - Tolerance, interval.Value.High + Tolerance);
            Assert.True(interval.Value is { Low: >= 0, High: <= 1 } && interval.Value.High > interval.Value.Low, $"{figure} {interval}");
        }

        Assert.NotNull(all.Accuracy);
        Assert.All(pairs.Where(p => p.Figure is null), p => Assert.Null(p.Interval));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Intervals_of_areas_agree_with_scikit_learns_areas_as_the_weights_of_rows_change(string name)
    {
        var golden = GoldenPredictions.Named(name);

        var report = Report(golden);

        AssertEqual(golden.Expected.AucIntervals.Overall, report.Intervals.Auc);
        AssertEqual(golden.Expected.AveragePrecisionIntervals.Overall, report.Intervals.AveragePrecision);
        for (var c = 0; c < golden.Classes; c++)
        {
            AssertEqual(golden.Expected.AucIntervals.PerClass[c], report.PerClass[c].Intervals.Auc);
            AssertEqual(golden.Expected.AveragePrecisionIntervals.PerClass[c], report.PerClass[c].Intervals.AveragePrecision);
        }

        // Derivatives by differences of 1e-4 are good to 1e-8 or so.
        static void AssertEqual(double[]? expected, Interval? found)
        {
            Assert.Equal(expected is null, found is null);
            Assert.Equal(expected?[0] ?? 0, found?.Low ?? 0, 1e-7);
            Assert.Equal(expected?[1] ?? 0, found?.High ?? 0, 1e-7);
        }
    }

    [Fact]
    public void Rows_that_are_all_right_still_leave_room_for_doubt()
    {
        var report = Report(GoldenPredictions.Named("two classes, every row right"));

        Assert.Equal((1.0, 1.0), (report.Accuracy, report.Auc));
        Assert.Equal(Interval.Wilson(1, 40), report.Intervals.Accuracy);
        Assert.Equal(Interval.Wilson(1, Math.Min(report.PerClass[0].Rows, report.PerClass[1].Rows)), report.Intervals.Auc);
        Assert.InRange(report.PerClass[0].Intervals.F1!.Value.Low, 0.8, 0.99);
        Assert.Null(report.Intervals.AveragePrecision); // nothing is known of it then, so nothing is said
    }

    [Fact]
    public void Intervals_depend_on_the_seed_alone()
    {
        var golden = GoldenPredictions.Named("four classes");

        var (once, again, other) = (Report(golden, 1), Report(golden, 1), Report(golden, 2));

        Assert.Equal(once.Intervals, again.Intervals);
        Assert.NotEqual(once.Intervals, other.Intervals);
        Assert.Equal(once.Loss, other.Loss);
    }

    [Fact]
    public void Figures_do_not_depend_on_the_order_of_the_rows()
    {
        foreach (var golden in GoldenPredictions.All)
        {
            var order = Enumerable.Range(0, golden.Labels.Length).Reverse().ToArray();
            var outputs = golden.Logits.Length / golden.Labels.Length;
            var reversed = golden with
            {
                Labels = [.. order.Select(i => golden.Labels[i])],
                Logits = [.. order.SelectMany(i => golden.Logits.Skip(i * outputs).Take(outputs))],
            };

            var (report, expected) = (Report(reversed), golden.Expected);

            Assert.Equal(expected.Loss, report.Loss, Tolerance);
            AssertEqual(expected.AveragePrecision, report.AveragePrecision);
            Assert.Equal(expected.Ece, report.Ece, Tolerance);
        }
    }

    [Fact]
    public void A_mean_over_classes_of_which_one_has_no_interval_has_none()
    {
        // All of the second and third class are taken for the first: their precision is that of nothing, in every resample.
        float[] logits = [.. Enumerable.Repeat((float[])[3, 0, 1], 20).SelectMany(r => r)];
        int[] labels = [.. Enumerable.Range(0, 20).Select(i => 1 + (i % 2))];

        var report = EvaluationReport.Of(Predictions.FromLogits(logits, labels, 3), ["a", "b", "c"]);

        Assert.Equal((0.0, 0.0), (report.Macro.Precision, report.Macro.Recall));
        Assert.Null(report.Intervals.MacroPrecision);
        Assert.Equal(Interval.Wilson(0, 10), report.Intervals.MacroRecall);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Report_is_read_back_from_its_json_and_shows_undefined_figures_as_null(string name)
    {
        var report = Report(GoldenPredictions.Named(name));

        var json = JsonSerializer.Serialize(report, HeadstartJson.Compact);

        Assert.Equal(json,
            JsonSerializer.Serialize(JsonSerializer.Deserialize<EvaluationReport>(json, HeadstartJson.Compact), HeadstartJson.Compact));
        Assert.DoesNotContain("NaN", json, StringComparison.Ordinal);
        Assert.True(JsonDocument.Parse(json).RootElement.TryGetProperty("auc", out _));
    }

    [Fact]
    public void A_threshold_decides_and_leaves_probabilities_alone()
    {
        var golden = GoldenPredictions.Named("two classes");
        var even = Report(golden);

        var strict = EvaluationReport.Of(Predictions.FromLogits(golden.Logits, golden.Labels, 2, new Calibration(1, 0.8)), ["a", "b"]);

        Assert.Equal((even.Loss, even.Auc, even.Ece), (strict.Loss, strict.Auc, strict.Ece));
        Assert.Equal(golden.Logits.Count(z => z > Math.Log(4)), strict.Confusion.Sum(r => r[1]));
        Assert.True(strict.PerClass[1].Recall < even.PerClass[1].Recall);
    }

    private static EvaluationReport Report(GoldenPredictions golden, long seed = 0) =>
        EvaluationReport.Of(golden.ToPredictions(), [.. Enumerable.Range(0, golden.Classes).Select(c => $"class {c}")], seed);

    private static void AssertEqual(double? expected, double? found)
    {
        Assert.Equal(expected is null, found is null);
        Assert.Equal(expected ?? 0, found ?? 0, Tolerance);
    }
}
