using OxyPlot;
using OxyPlot.Annotations;
using OxyPlot.Series;

namespace Headstart.Training.Reports.Charts;

/// <summary>Whether 80 % sure is right in 80 of 100.</summary>
internal static class ReliabilityDiagram
{
    private const int Bins = 15;

    public static Html Of(JudgedImages images)
    {
        var plot = Chart.Empty("confidence", "accuracy");
        Chart.UnitRange(plot, 0, 1);
        plot.Series.Add(new LineSeries { Points = { new DataPoint(0, 0), new DataPoint(1, 1) }, Color = OxyColor.FromAColor(160, Chart.Ink), LineStyle = LineStyle.Dot });
        foreach (var bin in Enumerable.Range(0, images.Count).GroupBy(row => Bin(Confidence(row))))
        {
            var right = bin.Average(row => images.IsRight(row) ? 1.0 : 0);
            plot.Annotations.Add(new RectangleAnnotation
            {
                MinimumX = ((double)bin.Key / Bins) + 0.004,
                MaximumX = ((double)(bin.Key + 1) / Bins) - 0.004,
                MinimumY = 0,
                MaximumY = right,
                // Bins of few rows say little, and look like it.
                Fill = OxyColor.FromAColor((byte)(60 + (140 * Math.Sqrt((double)bin.Count() / images.Count))), Chart.First),
            });
        }

        return Chart.Figure(plot, "reliability", "Accuracy of the rows of each confidence; the fuller the colour the more rows. On the dotted line, confidence is honest.");

        double Confidence(int row) => images.Probability(row, images.Predictions.Decided[row]);
    }

    // As the expected calibration error counts: (0, 1/15], (1/15, 2/15], ...
    private static int Bin(double confidence) => Math.Clamp((int)Math.Ceiling(confidence * Bins) - 1, 0, Bins - 1);
}
