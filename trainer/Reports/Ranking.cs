namespace Headstart.Trainer.Reports;

/// <summary>
/// Points of the curves that a falling threshold draws: one for each distinct score, so that ties don't depend on the order of the rows.
/// </summary>
internal static class Ranking
{
    /// <summary>Curves of more points than a screen has pixels are thinned to this.</summary>
    private const int MostPoints = 500;

    /// <returns>False positive rate and true positive rate, from (0, 0) to (1, 1); empty when all rows are on one side.</returns>
    public static IReadOnlyList<(double X, double Y)> Roc(double[] scores, bool[] positive) =>
        Curve(scores, positive, first: (0, 0),
            (hits, taken, positives, negatives) => ((double)(taken - hits) / negatives, (double)hits / positives));

    /// <returns>Recall and precision, from recall 0 to 1; empty when all rows are on one side.</returns>
    /// <remarks>Starts at precision 1, as scikit-learn's curve does.</remarks>
    public static IReadOnlyList<(double X, double Y)> PrecisionRecall(double[] scores, bool[] positive) =>
        Curve(scores, positive, first: (0, 1), (hits, taken, positives, _) => ((double)hits / positives, (double)hits / taken));

    private static List<(double X, double Y)> Curve(
        double[] scores, bool[] positive, (double X, double Y) first, Func<int, int, int, int, (double X, double Y)> point)
    {
        var positives = positive.Count(p => p);
        var negatives = positive.Length - positives;
        if (positives == 0 || negatives == 0)
            return [];
        var order = Enumerable.Range(0, scores.Length).OrderByDescending(i => scores[i]).ToArray();
        var points = new List<(double X, double Y)> { first };
        var hits = 0;
        for (var i = 0; i < order.Length; i++)
        {
            hits += positive[order[i]] ? 1 : 0;
            if (i + 1 == order.Length || scores[order[i + 1]] != scores[order[i]])
                points.Add(point(hits, i + 1, positives, negatives));
        }

        if (points.Count <= MostPoints)
            return points;
        return [.. Enumerable.Range(0, MostPoints).Select(i => points[(int)((long)i * (points.Count - 1) / (MostPoints - 1))])];
    }
}
