using Headstart.Trainer.Reports;
using Headstart.Trainer.Reports.Charts;
using OxyPlot.Annotations;
using OxyPlot.Series;

namespace Headstart.Trainer.Audit;

/// <summary>How alike each image is to the most similar other one, and from where on two are called the same picture.</summary>
internal static class SimilarityHistogram
{
    private const int Bins = 40;

    public static Html Of(double[] best, double threshold)
    {
        var low = Math.Min(0, best.Min());
        var counts = new int[Bins];
        foreach (var similarity in best)
            counts[Math.Clamp((int)((similarity - low) / (1 - low) * Bins), 0, Bins - 1)]++;
        var plot = Chart.Empty("similarity to the nearest image", "images");
        var bars = new RectangleBarSeries { FillColor = Chart.First, StrokeThickness = 0 };
        for (var b = 0; b < Bins; b++)
            bars.Items.Add(new RectangleBarItem(low + (b * (1 - low) / Bins), 0, low + ((b + 1) * (1 - low) / Bins), counts[b]));
        plot.Series.Add(bars);
        plot.Annotations.Add(
            new LineAnnotation { Type = LineAnnotationType.Vertical, X = threshold, Color = Chart.Second, StrokeThickness = 2 });
        return Chart.Figure(
            plot, "similarity", "How alike each image is to its nearest; right of the line two images count as one picture.");
    }
}
