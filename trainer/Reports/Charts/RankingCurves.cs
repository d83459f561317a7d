using OxyPlot;
using OxyPlot.Series;

namespace Headstart.Training.Reports.Charts;

/// <summary>ROC and precision-recall: what every threshold would give.</summary>
internal static class RankingCurves
{
    /// <summary>Classes that get a line of their own.</summary>
    private const int MostClasses = 8;

    public static Html Roc(JudgedImages images)
    {
        var plot = Plot("false positive rate", "true positive rate", images, Ranking.Roc);
        plot.Series.Insert(0, new LineSeries { Points = { new DataPoint(0, 0), new DataPoint(1, 1) }, Color = OxyColor.FromAColor(120, Chart.Ink), LineStyle = LineStyle.Dot });
        return Chart.Figure(plot, "roc", "ROC: of all rows of other classes, how many are taken in with how many of the class's own. Dotted: chance.");
    }

    public static Html PrecisionRecall(JudgedImages images) => Chart.Figure(
        Plot("recall", "precision", images, Ranking.PrecisionRecall),
        "precision-recall",
        "Precision and recall at every threshold.");

    private static PlotModel Plot(
        string x, string y, JudgedImages images, Func<double[], bool[], IReadOnlyList<(double X, double Y)>> curve)
    {
        var plot = Chart.Empty(x, y);
        Chart.UnitRange(plot, 0, 1);
        if (images.Classes.Count == 2)
        {
            Add(1, Chart.First);
            return plot;
        }

        Chart.AddLegend(plot);
        var shown = Enumerable.Range(0, images.Classes.Count).Where(c => images.Labels.Contains(c)).Take(MostClasses).ToArray();
        for (var i = 0; i < shown.Length; i++)
            Add(shown[i], OxyColor.FromHsv((double)i / shown.Length, 0.75, 0.75));
        return plot;

        void Add(int c, OxyColor color)
        {
            var points = curve(images.Scores(c), images.Is(c));
            var series = new LineSeries { Color = color, StrokeThickness = 2, Title = images.Classes[c] };
            series.Points.AddRange(points.Select(p => new DataPoint(p.X, p.Y)));
            plot.Series.Add(series);
        }
    }
}
