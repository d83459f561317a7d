namespace Headstart.Trainer.Evaluation;

/// <summary>The areas under the ROC and the precision-recall curve of each class, and their mean, each with its interval, at any number of
/// rows and classes.</summary>
/// <remarks>
/// The standard error comes from how much each row moves the area (<see cref="ScoreOrder.Moves"/>), which costs no more than the area
/// itself; 1,000 resamples would
/// cost 1,000 times that. The interval is made in log-odds, so that it never leaves 0 to 1, and is wider on the near side of an end. For
/// one class the reach is that of
/// Student's distribution, with Welch and Satterthwaite's degrees of freedom: a class of 3 rows knows little of its own spread.
/// An area under the ROC curve of 0 or 1 takes Wilson's interval: as many independent pairs as the smaller side has rows are all in the
/// same order, and the area is the
/// probability of that. An average precision of 1 has none, and neither has an area that no row moves (all scores alike).
/// </remarks>
internal sealed class RankedAreas
{
    private RankedAreas(IReadOnlyList<Area> auc, IReadOnlyList<Area> averagePrecision, Area meanAuc, Area meanAveragePrecision) =>
        (Auc, AveragePrecision, OverallAuc, OverallAveragePrecision) = (auc, averagePrecision, meanAuc, meanAveragePrecision);

    /// <summary>Of each class against the rest.</summary>
    public IReadOnlyList<Area> Auc { get; }

    /// <inheritdoc cref="Auc"/>
    public IReadOnlyList<Area> AveragePrecision { get; }

    /// <summary>Of two classes the second's; of more the plain mean over those for which it is defined.</summary>
    public Area OverallAuc { get; }

    /// <inheritdoc cref="OverallAuc"/>
    public Area OverallAveragePrecision { get; }

    public static RankedAreas Of(Predictions predictions)
    {
        var (rows, classes) = (predictions.Labels.Length, predictions.Classes);
        var (ofAuc, ofAverage) = (new Area[classes], new Area[classes]);
        var (meanAuc, meanAverage) = (new MeanArea(rows), new MeanArea(rows));
        var (auc, average) = (new double[rows], new double[rows]);
        for (var c = 0; c < classes; c++)
        {
            var order = new ScoreOrder(predictions, c);
            var (area, precision) = order.Areas();
            if (order.Positives == 0 || order.Negatives == 0)
            {
                // Rows of one class alone have the average precision 1 whatever the scores: nothing moves it.
                (ofAuc[c], ofAverage[c]) = (Area.None, order.Positives == 0 ? Area.None : new Area(precision, null));
                meanAverage.Add(ofAverage[c], []);
                continue;
            }

            order.Moves(auc, average);
            var side = (Predictions: predictions, Class: c, order.Positives, order.Negatives);
            ofAuc[c] =
                new Area(area, area is 0 or 1 ? Interval.Wilson(area, Math.Min(order.Positives, order.Negatives)) : OfOne(area, auc, side));
            ofAverage[c] = new Area(precision, OfOne(precision, average, side));
            meanAuc.Add(ofAuc[c], auc);
            meanAverage.Add(ofAverage[c], average);
        }

        return classes == 2
            ? new RankedAreas(ofAuc, ofAverage, ofAuc[1], ofAverage[1])
            : new RankedAreas(ofAuc, ofAverage, meanAuc.ToArea(), meanAverage.ToArea());
    }

    private static Interval? OfOne(double area, double[] moves, (Predictions Predictions, int Class, int Positives, int Negatives) side)
    {
        var (positive, negative) = (0.0, 0.0);
        for (var i = 0; i < moves.Length; i++)
        {
            if (side.Predictions.Labels[i] == side.Class)
                positive += moves[i] * moves[i];
            else
                negative += moves[i] * moves[i];
        }

        var variance = positive + negative;
        var uncertainty = Uncertainty(positive, side.Positives) + Uncertainty(negative, side.Negatives);
        return Around(area, variance, uncertainty > 0 ? variance * variance / uncertainty : double.PositiveInfinity);
    }

    // One row's spread is a bound, not an estimate.
    private static double Uncertainty(double variance, int rows) => rows > 1 ? variance * variance / (rows - 1) : 0;

    // The derivative of the log-odds is 1 / (a (1 - a)).
    private static Interval? Around(double area, double variance, double degrees)
    {
        if (area <= 0 || area >= 1 || variance <= 0)
            return null;
        var logOdds = Math.Log(area / (1 - area));
        var reach = StudentDistribution.Reach(degrees) * Math.Sqrt(variance) / (area * (1 - area));
        return new Interval(Math.Min(area, Probability(logOdds - reach)), Math.Max(area, Probability(logOdds + reach)));

        static double Probability(double of) => 1 / (1 + Math.Exp(-of));
    }

    /// <summary>An area.</summary>
    /// <param name="Value">NaN where it isn't defined.</param>
    /// <param name="Interval">Null where the rows say nothing of how far it could be off.</param>
    public readonly record struct Area(double Value, Interval? Interval)
    {
        public static Area None { get; } = new(double.NaN, null);
    }

    // A row that moves several classes' areas moves their mean by the sum: that is how far they go together.
    private sealed class MeanArea(int rows)
    {
        private readonly double[] _moves = new double[rows];
        private readonly List<Area> _areas = [];

        public void Add(Area area, ReadOnlySpan<double> moves)
        {
            if (double.IsNaN(area.Value))
                return;
            _areas.Add(area);
            for (var i = 0; i < moves.Length; i++)
                _moves[i] += moves[i];
        }

        public Area ToArea()
        {
            if (_areas.Count == 0)
                return Area.None;
            var mean = _areas.Average(a => a.Value);
            if (mean is 0 or 1)
                return new Area(mean, Interval.Mean(_areas.Select(a => a.Interval)));
            return new Area(mean, Around(mean, _moves.Sum(m => m * m) / ((double)_areas.Count * _areas.Count), double.PositiveInfinity));
        }
    }
}
