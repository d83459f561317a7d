using static Headstart.Trainer.Evaluation.WeightedFigures;

namespace Headstart.Trainer.Evaluation;

/// <summary>The interval of each figure: from resampling, and where all resamples agree (every row is right, or none) from the number of
/// rows.</summary>
/// <remarks>
/// A resampling of rows that are all right gives 1 every time, and "1.00 to 1.00" would be a lie. Fractions of rows take Wilson's interval
/// then. F1 is
/// 2J / (1 + J) with J the fraction of right ones among the rows that are of the class or decided to be. A mean over classes takes the mean
/// of their intervals,
/// which is too wide rather than too narrow, where every class has one. Everything else has no interval then. Areas have their own: <see
/// cref="RankedAreas"/>.
/// </remarks>
/// <param name="figures">Of the rows, see <see cref="WeightedFigures"/>.</param>
/// <param name="bootstrap">Of these figures.</param>
/// <param name="areas">Of the same rows.</param>
/// <param name="confusion"><c>confusion[true][decided]</c>.</param>
internal sealed class FigureIntervals(double[] figures, Bootstrap bootstrap, RankedAreas areas, int[][] confusion)
{
    private readonly long _rows = confusion.Sum(r => (long)r.Sum());

    /// <param name="perClass">What <see cref="OfClass"/> gave for each.</param>
    public OverallIntervals Overall(IReadOnlyList<ClassIntervals> perClass) => new(
        Resampled((int)WeightedFigures.Overall.Loss),
        Resampled((int)WeightedFigures.Overall.Accuracy) ?? Interval.Wilson(figures[(int)WeightedFigures.Overall.Accuracy], _rows),
        areas.OverallAuc.Interval,
        areas.OverallAveragePrecision.Interval,
        Resampled((int)WeightedFigures.Overall.Ece),
        Resampled((int)WeightedFigures.Overall.Precision) ?? Mean(perClass, i => i.Precision),
        Resampled((int)WeightedFigures.Overall.Recall) ?? Mean(perClass, i => i.Recall),
        Resampled((int)WeightedFigures.Overall.F1) ?? Mean(perClass, i => i.F1));

    public ClassIntervals OfClass(int c)
    {
        long rows = confusion[c].Sum();
        long decided = confusion.Sum(r => r[c]);
        return new ClassIntervals(
            Resampled(Place(c, WeightedFigures.OfClass.Precision)) ?? Fraction(Place(c, WeightedFigures.OfClass.Precision), decided),
            Resampled(Place(c, WeightedFigures.OfClass.Recall)) ?? Fraction(Place(c, WeightedFigures.OfClass.Recall), rows),
            Resampled(Place(c, WeightedFigures.OfClass.F1)) ?? F1AtItsEnd(c, rows + decided - confusion[c][c]),
            areas.Auc[c].Interval,
            areas.AveragePrecision[c].Interval);
    }

    // Over the classes that have rows, as the mean itself.
    private Interval? Mean(IReadOnlyList<ClassIntervals> perClass, Func<ClassIntervals, Interval?> of) =>
        Interval.Mean(perClass.Where((_, c) => confusion[c].Sum() > 0).Select(of));

    private Interval? Resampled(int place) => bootstrap.IntervalOf(place, figures[place]);

    private Interval? Fraction(int place, long trials) => double.IsNaN(figures[place]) ? null : Interval.Wilson(figures[place], trials);

    private Interval? F1AtItsEnd(int c, long either)
    {
        if (figures[Place(c, WeightedFigures.OfClass.F1)] is not (0 or 1)
            || Interval.Wilson(figures[Place(c, WeightedFigures.OfClass.F1)], either) is not { } jaccard)
            return null;
        return new Interval(2 * jaccard.Low / (1 + jaccard.Low), 2 * jaccard.High / (1 + jaccard.High));
    }
}
