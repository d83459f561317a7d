using Headstart.Trainer.Evaluation;
using OxyPlot;
using OxyPlot.Series;

namespace Headstart.Trainer.Reports.Charts;

/// <summary>ROC and precision-recall: what every threshold would give, and where the model decides.</summary>
internal static class RankingCurves
{
    /// <summary>Classes that get a line of their own.</summary>
    private const int MostClasses = 8;

    public static Html Roc(JudgedImages images)
    {
        var plot = Plot("false positive rate", "true positive rate", images, Ranking.Roc, p => (p.FalsePositiveRate, p.Recall));
        plot.Series.Insert(0, new LineSeries
        {
            Points = { new DataPoint(0, 0), new DataPoint(1, 1) },
            Color = OxyColor.FromAColor(120, Chart.Ink),
            LineStyle = LineStyle.Dot,
        });
        return Chart.Figure(
            plot, "roc",
            $"ROC: of all rows of other classes, how many are taken in with how many of the class's own. {Marks(images)} Dotted: chance.");
    }

    public static Html PrecisionRecall(JudgedImages images) => Chart.Figure(
        Plot("recall", "precision", images, Ranking.PrecisionRecall, p => (p.Recall, p.Precision)),
        "precision-recall",
        $"Precision and recall at every threshold. {Marks(images)}");

    private static string Marks(JudgedImages images) => images.Predictions.Threshold switch
    {
        null => "The dots: where the most probable class is decided for.",
        Predictions.EvenThreshold => "The dot: where the model decides.",
        _ => "The full dot: where the model decides; the hollow one: at even odds.",
    };

    private static PlotModel Plot(
        string x, string y, JudgedImages images, Func<double[], bool[], IReadOnlyList<(double X, double Y)>> curve,
        Func<OperatingPoint, (double X, double Y)> place)
    {
        var plot = Chart.Empty(x, y);
        Chart.UnitRange(plot, 0, 1);
        Chart.AddLegend(plot);
        if (images.Predictions.Threshold is { } threshold)
        {
            Add(1, Chart.First);
            if (threshold != Predictions.EvenThreshold)
                Mark(OperatingPoint.AtEvenOdds(images), OperatingPoint.Name(Predictions.EvenThreshold), Chart.Ink, isFilled: false);
            Mark(OperatingPoint.Of(images, 1), OperatingPoint.Name(threshold), Chart.Second, isFilled: true);
            return plot;
        }

        var shown = Enumerable.Range(0, images.Classes.Count).Where(c => images.Labels.Contains(c)).Take(MostClasses).ToArray();
        for (var i = 0; i < shown.Length; i++)
        {
            var color = OxyColor.FromHsv((double)i / shown.Length, 0.75, 0.75);
            Add(shown[i], color);
            Mark(OperatingPoint.Of(images, shown[i]), null, color, isFilled: true);
        }

        return plot;

        void Add(int c, OxyColor color)
        {
            var points = curve(images.Scores(c), images.Is(c));
            var series = new LineSeries { Color = color, StrokeThickness = 2, Title = images.Classes[c] };
            series.Points.AddRange(points.Select(p => new DataPoint(p.X, p.Y)));
            plot.Series.Add(series);
        }

        // A class that is never decided for has no precision, and one with rows on one side only has no curve.
        void Mark(OperatingPoint point, string? title, OxyColor color, bool isFilled)
        {
            var (px, py) = place(point);
            if (double.IsFinite(px) && double.IsFinite(py))
                plot.Series.Add(OperatingPoint.Mark(px, py, title, color, isFilled));
        }
    }
}
