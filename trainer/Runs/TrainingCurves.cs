using Headstart.Trainer.Reports;
using Headstart.Trainer.Reports.Charts;
using Headstart.Trainer.Training;
using OxyPlot;
using OxyPlot.Series;

namespace Headstart.Trainer.Runs;

/// <summary>Loss and accuracy, epoch by epoch.</summary>
internal static class TrainingCurves
{
    public static Html Loss(IReadOnlyList<EpochRecord> epochs, int saved) => Of(
        epochs, saved, "loss", "curve-loss",
        "Cross-entropy a row at temperature 1. Training: running mean over the epoch. The dashed line marks the saved epoch.",
        e => (e.Train.Loss, e.Val.Loss));

    public static Html Accuracy(IReadOnlyList<EpochRecord> epochs, int saved) => Of(
        epochs, saved, "accuracy", "curve-accuracy", "Fraction of rows whose most probable class is the true one, whatever the threshold.",
        e => (e.Train.Accuracy, e.Val.Accuracy));

    private static Html Of(
        IReadOnlyList<EpochRecord> epochs, int saved, string what, string name, string caption,
        Func<EpochRecord, (double Train, double Val)> value)
    {
        var plot = Chart.Empty("epoch", what);
        Chart.AddLegend(plot);
        plot.Axes[0].MinimumMajorStep = 1;
        Add("training", Chart.Second, e => value(e).Train);
        Add("validation", Chart.First, e => value(e).Val);
        plot.Annotations.Add(new OxyPlot.Annotations.LineAnnotation
        {
            Type = OxyPlot.Annotations.LineAnnotationType.Vertical,
            X = saved,
            Color = Chart.Ink,
            LineStyle = LineStyle.Dash,
        });
        return Chart.Figure(plot, name, caption);

        void Add(string title, OxyColor color, Func<EpochRecord, double> of)
        {
            // A single epoch has no line to draw.
            var series = new LineSeries
            {
                Title = title,
                Color = color,
                StrokeThickness = 2,
                MarkerType = epochs.Count == 1 ? MarkerType.Circle : MarkerType.None,
                MarkerFill = color,
            };
            series.Points.AddRange(epochs.Select(e => new DataPoint(e.Epoch, of(e))));
            plot.Series.Add(series);
        }
    }
}
