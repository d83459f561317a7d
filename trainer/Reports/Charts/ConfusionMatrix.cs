using System.Globalization;
using OxyPlot;
using OxyPlot.Annotations;
using OxyPlot.Axes;
using OxyPlot.Series;

namespace Headstart.Trainer.Reports.Charts;

/// <summary>How often each true class was predicted as each class.</summary>
internal static class ConfusionMatrix
{
    /// <summary>More rows than this can't be read.</summary>
    private const int MostClasses = 20;

    /// <param name="confusion"><c>[true][predicted]</c>.</param>
    /// <param name="classes">Their names.</param>
    public static Html Of(int[][] confusion, IReadOnlyList<string> classes)
    {
        var shown = Worst(confusion);
        var names = shown.Select(c => Short(classes[c])).ToArray();
        var plot = Chart.Empty("predicted", "true");
        plot.Axes.Clear();
        plot.Axes.Add(Axis(AxisPosition.Bottom, "predicted", names, isReversed: false));
        plot.Axes.Add(Axis(AxisPosition.Left, "true", names, isReversed: true));
        plot.PlotAreaBorderThickness = new OxyThickness(0);
        plot.Series.Add(new LineSeries { Points = { new DataPoint(0, 0) }, StrokeThickness = 0 });
        for (var t = 0; t < shown.Length; t++)
        {
            var total = Math.Max(1, confusion[shown[t]].Sum());
            for (var p = 0; p < shown.Length; p++)
            {
                var count = confusion[shown[t]][shown[p]];
                var share = (double)count / total;
                plot.Annotations.Add(new RectangleAnnotation
                {
                    MinimumX = p - 0.49,
                    MaximumX = p + 0.49,
                    MinimumY = t - 0.49,
                    MaximumY = t + 0.49,
                    Fill = OxyColor.FromAColor((byte)(10 + (140 * share)), t == p ? Chart.First : Chart.Second),
                    Text = shown.Length <= 12 || count > 0 ? count.ToString("N0", CultureInfo.InvariantCulture) : "",
                    TextColor = Chart.Ink,
                    FontSize = shown.Length <= 6 ? 18 : shown.Length <= 12 ? 13 : 9,
                });
            }
        }

        var caption = "Rows: the true class; columns: what was predicted." +
            (shown.Length < classes.Count ? $" The {shown.Length} classes with the most mistakes of {classes.Count}." : "");
        return Chart.Figure(plot, "confusion", caption, height: shown.Length <= 6 ? 340 : 480);
    }

    private static int[] Worst(int[][] confusion)
    {
        var all = Enumerable.Range(0, confusion.Length);
        return confusion.Length <= MostClasses
            ? [.. all]
            : [.. all.OrderByDescending(Mistakes).ThenBy(c => c).Take(MostClasses).Order()];

        int Mistakes(int c) => confusion[c].Sum() - confusion[c][c] + confusion.Sum(row => row[c]) - confusion[c][c];
    }

    private static CategoryAxis Axis(AxisPosition position, string title, string[] names, bool isReversed) => new()
    {
        Position = position,
        Title = title,
        ItemsSource = names,
        StartPosition = isReversed ? 1 : 0,
        EndPosition = isReversed ? 0 : 1,
        GapWidth = 0,
        TickStyle = TickStyle.None,
        Minimum = -0.5,
        Maximum = names.Length - 0.5,
        AxisTitleDistance = 10,
        TitleColor = OxyColors.Automatic,
        Angle = position == AxisPosition.Bottom && names.Sum(n => n.Length) > 40 ? 45 : 0,
        FontSize = names.Length <= 12 ? 16 : 10,
        AxislineStyle = LineStyle.None,
    };

    private static string Short(string name) => name.Length <= 16 ? name : name[..15] + "\u2026";
}
