using Headstart.Trainer.Evaluation;
using OxyPlot;
using OxyPlot.Annotations;
using OxyPlot.Series;

namespace Headstart.Trainer.Reports.Charts;

/// <summary>Whether 80 % sure is right in 80 of 100: of two classes by the probability of the second, where the threshold has its place; of
/// more by that of the most probable.</summary>
internal static class ReliabilityDiagram
{
    private const int Bins = CalibrationError.Bins;

    public static Html Of(JudgedImages images)
    {
        var hasThreshold = images.Predictions.Threshold is not null;
        var plot = hasThreshold
            ? Chart.Empty($"probability of {Short(images.Classes[1])}", "fraction that is")
            : Chart.Empty("confidence", "accuracy");
        Chart.UnitRange(plot, 0, 1);
        plot.Series.Add(new LineSeries
        {
            Points = { new DataPoint(0, 0), new DataPoint(1, 1) },
            Color = OxyColor.FromAColor(160, Chart.Ink),
            LineStyle = LineStyle.Dot,
        });
        foreach (var bin in Enumerable.Range(0, images.Count).GroupBy(row => Bin(images.Probability(row, Class(row)))))
        {
            plot.Annotations.Add(new RectangleAnnotation
            {
                MinimumX = ((double)bin.Key / Bins) + 0.004,
                MaximumX = ((double)(bin.Key + 1) / Bins) - 0.004,
                MinimumY = 0,
                MaximumY = bin.Average(row => images.Labels[row] == Class(row) ? 1.0 : 0),
                // Bins of few rows say little, and look like it.
                Fill = OxyColor.FromAColor((byte)(60 + (140 * Math.Sqrt((double)bin.Count() / images.Count))), Chart.First),
            });
        }

        if (images.Predictions.Threshold is not { } threshold)
            return Chart.Figure(plot, "reliability",
                "Accuracy of the rows of each confidence; the fuller the colour the more rows. On the dotted line, confidence is honest.");
        Chart.AddLegend(plot);
        plot.Series.Add(new LineSeries
        {
            Title = OperatingPoint.Name(threshold),
            Points = { new DataPoint(threshold, 0), new DataPoint(threshold, 1) },
            Color = Chart.Second,
            LineStyle = LineStyle.Dash,
            StrokeThickness = 2,
        });
        return Chart.Figure(
            plot,
            "reliability",
            $"Of the rows of each probability, the fraction that is {images.Classes[1]}; the fuller the colour the more rows. On the " +
            $"dotted line, probabilities are honest. " +
            $"To the right of the dashed one, {images.Classes[1]} is decided for.");

        int Class(int row) => hasThreshold ? 1 : images.Predictions.Decided[row];
    }

    private static string Short(string name) => name.Length <= 24 ? name : name[..23] + "\u2026";

    // As the expected calibration error counts: (0, 1/15], (1/15, 2/15], ...
    private static int Bin(double confidence) => Math.Clamp((int)Math.Ceiling(confidence * Bins) - 1, 0, Bins - 1);
}
