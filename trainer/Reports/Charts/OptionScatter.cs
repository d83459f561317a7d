using OxyPlot;
using OxyPlot.Series;

namespace Headstart.Trainer.Reports.Charts;

/// <summary>A trial in a plot over one option.</summary>
/// <param name="X">The option's value.</param>
/// <param name="Y">The figure, a mean over repeats.</param>
/// <param name="Sd">Its standard deviation; null for one repeat.</param>
/// <param name="IsLast">Whether the trial came to the last round.</param>
internal readonly record struct TrialPoint(double X, double Y, double? Sd, bool IsLast);

/// <summary>A figure of all trials over one option, whatever their other options.</summary>
internal static class OptionScatter
{
    /// <param name="option">Its name: letters and hyphens.</param>
    /// <param name="figure">What the y axis says.</param>
    /// <param name="points">At least one.</param>
    /// <param name="isLog">Whether x is logarithmic; all values are above 0 then.</param>
    /// <param name="note">What more the caption says, or nothing.</param>
    public static Html Of(string option, string figure, IReadOnlyList<TrialPoint> points, bool isLog, string note)
    {
        var plot = Chart.Empty(option, figure);
        if (isLog)
            Chart.MakeLogarithmic(plot, 0);
        (plot.Axes[0].MinimumPadding, plot.Axes[0].MaximumPadding) = (0.06, 0.06);
        (plot.Axes[1].MinimumPadding, plot.Axes[1].MaximumPadding) = (0.06, 0.06);
        var hasRounds = points.Any(p => !p.IsLast);
        if (hasRounds)
        {
            Chart.AddLegend(plot);
            Add("earlier rounds", Chart.Second, MarkerType.Triangle, points.Where(p => !p.IsLast));
        }

        Add("last round", Chart.First, MarkerType.Circle, points.Where(p => p.IsLast));
        var bars = points.Any(p => p.Sd > 0) ? " Bars: the standard deviation over repeats." : "";
        return Chart.Figure(plot, $"over-{option}", $"One mark a trial: {figure} over {option}.{bars}{note}");

        void Add(string title, OxyColor color, MarkerType marker, IEnumerable<TrialPoint> of)
        {
            var series = new ScatterErrorSeries
            {
                Title = title,
                MarkerType = marker,
                MarkerSize = 4.5,
                MarkerFill = OxyColor.FromAColor(190, color),
                ErrorBarColor = OxyColor.FromAColor(110, color),
                ErrorBarStopWidth = 3,
            };
            series.Points.AddRange(of.Select(p => new ScatterErrorPoint(p.X, p.Y, 0, 2 * (p.Sd ?? 0))));
            plot.Series.Add(series);
        }
    }
}
