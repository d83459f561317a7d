namespace Headstart.Trainer.Evaluation;

/// <summary>The figures of some predictions at once, each row counted as often as a weight says: once for the figures themselves, by chance
/// for a resample.</summary>
/// <remarks>
/// Areas are not among them: see <see cref="RankedAreas"/>.
/// What doesn't depend on the weights is computed when this is made. The figures of a resample are <see cref="Count"/> numbers, NaN where
/// one is not defined:
/// those of <see cref="Overall"/>, then those of <see cref="OfClass"/>, class after class. Several threads may compute at a time.
/// </remarks>
internal sealed class WeightedFigures
{
    private readonly Predictions _predictions;
    private readonly double[] _losses;
    private readonly CalibrationError _calibrationError;

    /// <param name="predictions">The rows.</param>
    public WeightedFigures(Predictions predictions)
    {
        _predictions = predictions;
        _losses = [.. predictions.Labels.Select((label, i) => -predictions.Row(i)[label])];
        _calibrationError = new CalibrationError(predictions);
    }

    /// <summary>The figures of all rows together, by their place.</summary>
    public enum Overall
    {
        Loss,
        Accuracy,
        Ece,
        Precision,
        Recall,
        F1,
        Count,
    }

    /// <summary>The figures of each class, by their place after those before it.</summary>
    public enum OfClass
    {
        Precision,
        Recall,
        F1,
        Count,
    }

    public int Count => Place(_predictions.Classes, 0);

    public static int Place(int ofClass, OfClass figure) => (int)Overall.Count + (ofClass * (int)OfClass.Count) + (int)figure;

    /// <param name="weights">How often each row counts, by row; not all 0.</param>
    /// <param name="figures">Gets <see cref="Count"/> numbers.</param>
    public void Compute(ReadOnlySpan<int> weights, Span<double> figures)
    {
        var classes = _predictions.Classes;
        var (rowsOf, decidedFor, rightOf) = (new long[classes], new long[classes], new long[classes]);
        var (loss, rows) = (0.0, 0L);
        for (var i = 0; i < weights.Length; i++)
        {
            var (label, decided) = (_predictions.Labels[i], _predictions.Decided[i]);
            rowsOf[label] += weights[i];
            decidedFor[decided] += weights[i];
            rightOf[label] += label == decided ? weights[i] : 0;
            loss += weights[i] * _losses[i];
            rows += weights[i];
        }

        for (var c = 0; c < classes; c++)
            Counts(rowsOf[c], decidedFor[c], rightOf[c], figures[Place(c, 0)..]);

        figures[(int)Overall.Loss] = loss / rows;
        figures[(int)Overall.Accuracy] = (double)rightOf.Sum() / rows;
        figures[(int)Overall.Ece] = _calibrationError.Of(weights);
        figures[(int)Overall.Precision] = MeanOverClasses(figures, OfClass.Precision);
        figures[(int)Overall.Recall] = MeanOverClasses(figures, OfClass.Recall);
        figures[(int)Overall.F1] = MeanOverClasses(figures, OfClass.F1);
    }

    // A class that has rows but is never decided for has precision 0, as in scikit-learn; one without rows has no figures.
    private static void Counts(long rows, long decided, long right, Span<double> figures)
    {
        figures[(int)OfClass.Precision] = rows == 0 ? double.NaN : (double)right / Math.Max(decided, 1);
        figures[(int)OfClass.Recall] = rows == 0 ? double.NaN : (double)right / rows;
        figures[(int)OfClass.F1] = rows == 0 ? double.NaN : 2.0 * right / (rows + decided);
    }

    // The plain mean over the classes for which it is defined; NaN when there is none.
    private double MeanOverClasses(ReadOnlySpan<double> figures, OfClass figure)
    {
        var (sum, count) = (0.0, 0);
        for (var c = 0; c < _predictions.Classes; c++)
        {
            if (double.IsNaN(figures[Place(c, figure)]))
                continue;
            sum += figures[Place(c, figure)];
            count++;
        }

        return sum / count;
    }
}
