using System.Globalization;
using OxyPlot;
using OxyPlot.Series;

namespace Headstart.Trainer.Reports.Charts;

/// <summary>Where on the curves of a class the decisions lie that the model makes.</summary>
/// <param name="Class">Which one.</param>
/// <param name="FalsePositiveRate">Of the rows of other classes, the part that is decided for.</param>
/// <param name="Recall">Of the rows of the class, likewise: also the true positive rate.</param>
/// <param name="Precision">Of the rows that are decided for, the part that is of the class; not a number where none is.</param>
internal readonly record struct OperatingPoint(int Class, double FalsePositiveRate, double Recall, double Precision)
{
    /// <summary>Of the decisions as they were made: at the threshold, or for the most probable class.</summary>
    public static OperatingPoint Of(JudgedImages images, int c) => Of(images, c, row => images.Predictions.Decided[row] == c);

    /// <summary>Of two classes, where the second is decided for above even odds.</summary>
    public static OperatingPoint AtEvenOdds(JudgedImages images) => Of(images, 1, row => images.Predictions.LogOdds(row) > 0);

    /// <summary>How a threshold is called, everywhere on a page.</summary>
    public static string Name(double threshold) => string.Create(CultureInfo.InvariantCulture, $"threshold {threshold:0.####}");

    /// <summary>A mark for the point.</summary>
    /// <param name="title">For the legend; null for none.</param>
    /// <param name="isFilled">A hollow one stands for what was not chosen.</param>
    public static ScatterSeries Mark(double x, double y, string? title, OxyColor color, bool isFilled) => new()
    {
        Title = title,
        MarkerType = MarkerType.Circle,
        MarkerSize = 5.5,
        MarkerFill = isFilled ? color : OxyColors.Transparent,
        MarkerStroke = color,
        MarkerStrokeThickness = 2,
        Points = { new ScatterPoint(x, y) },
    };

    private static OperatingPoint Of(JudgedImages images, int c, Func<int, bool> isDecidedFor)
    {
        var (found, falseAlarms, positives) = (0, 0, 0);
        for (var row = 0; row < images.Count; row++)
        {
            var (isOfClass, isDecided) = (images.Labels[row] == c, isDecidedFor(row));
            positives += isOfClass ? 1 : 0;
            found += isOfClass && isDecided ? 1 : 0;
            falseAlarms += !isOfClass && isDecided ? 1 : 0;
        }

        return new OperatingPoint(
            c, (double)falseAlarms / (images.Count - positives), (double)found / positives, (double)found / (found + falseAlarms));
    }
}
