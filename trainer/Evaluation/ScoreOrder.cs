namespace Headstart.Trainer.Evaluation;

/// <summary>Rows sorted by their score for one class: the areas under its curves, and how much each row moves them.</summary>
internal sealed class ScoreOrder
{
    private readonly int[] _order;
    private readonly bool[] _isPositive;
    private readonly bool[] _endsTie;

    /// <param name="predictions">The rows.</param>
    /// <param name="of">The class; all others together are the other side.</param>
    public ScoreOrder(Predictions predictions, int of)
    {
        var count = predictions.Labels.Length;
        var scores = new double[count];
        _order = new int[count];
        for (var i = 0; i < count; i++)
            (scores[i], _order[i]) = (-predictions.Row(i)[of], i);
        Array.Sort(scores, _order);
        _isPositive = Array.ConvertAll(_order, i => predictions.Labels[i] == of);
        _endsTie = [.. scores.Select((s, i) => i == count - 1 || scores[i + 1] != s)];
        Positives = _isPositive.Count(p => p);
    }

    /// <summary>How many rows are of the class.</summary>
    public int Positives { get; }

    /// <summary>How many are not.</summary>
    public int Negatives => _order.Length - Positives;

    /// <returns>
    /// The area under the ROC curve, ties counting half, NaN when all rows are on one side; and the average precision, as scikit-learn has
    /// it (the sum of precision
    /// times gain in recall over the distinct scores, from the highest down), NaN without a row of the class.
    /// </returns>
    public (double Auc, double AveragePrecision) Areas()
    {
        var (positives, twicePairs, precisions) = (0L, 0L, 0.0);
        for (var start = 0; start < _order.Length;)
        {
            var (end, tied) = Tie(start);
            twicePairs += (end - start - tied) * ((2 * positives) + tied);
            positives += tied;
            precisions += tied == 0 ? 0 : tied * (double)positives / end;
            start = end;
        }

        return (twicePairs / 2.0 / ((double)Positives * Negatives), precisions / Positives);
    }

    /// <summary>How far each row pulls the areas away from what they would be: the squares of these, summed, are the variance of an
    /// area.</summary>
    /// <param name="auc">Gets one value a row, by row; the area must be defined.</param>
    /// <param name="averagePrecision">Likewise.</param>
    /// <remarks>
    /// The derivative of each area by the weight of a row, by the number of rows (the infinitesimal jackknife; for the area under the ROC
    /// curve it is what DeLong,
    /// DeLong and Clarke-Pearson published in 1988). As a variance of few values is too small by (m - 1) / m, that is made good for the
    /// rows of each side. A side of
    /// one row says nothing of how far such rows spread: it counts as the most that a mean of numbers between 0 and 1 can spread.
    /// </remarks>
    public void Moves(Span<double> auc, Span<double> averagePrecision)
    {
        var (area, average) = Areas();
        var (positiveShare, negativeShare) = (Unbiased(Positives) / Positives, Unbiased(Negatives) / Negatives);
        var (positives, ratios, squares) = (Positives, 0.0, 0.0);
        for (var end = _order.Length; end > 0;)
        {
            var start = end - 1;
            while (start > 0 && !_endsTie[start - 1])
                start--;
            var tied = _isPositive.AsSpan(start, end - start).Count(true);
            var (above, negativesAbove) = (positives - tied, start - positives + tied);
            var precision = (double)positives / end;

            // Sums over the rows of the class at this score and below: each is a hit that this row stands in front of.
            ratios += (double)tied / end;
            squares += (double)tied * positives / ((double)end * end);
            for (var i = start; i < end; i++)
            {
                var row = _order[i];
                if (_isPositive[i])
                {
                    var behind = Negatives - negativesAbove - ((end - start - tied) / 2.0);
                    auc[row] = ((behind / Negatives) - area) * positiveShare;
                    averagePrecision[row] = (precision - average + ratios - squares) * positiveShare;
                }
                else
                {
                    auc[row] = (((above + (tied / 2.0)) / Positives) - area) * negativeShare;
                    averagePrecision[row] = -squares / Positives * Unbiased(Negatives);
                }

                if ((_isPositive[i] ? Positives : Negatives) == 1)
                    (auc[row], averagePrecision[row]) =
                        (Math.Sqrt(area * (1 - area)), _isPositive[i] ? Math.Sqrt(average * (1 - average)) : averagePrecision[row]);
            }

            positives = above;
            end = start;
        }
    }

    private static double Unbiased(int count) => count > 1 ? Math.Sqrt(count / (count - 1.0)) : 1;

    // Where the rows end that have the score of the first, and how many of them are of the class.
    private (int End, int Positives) Tie(int start)
    {
        var end = start;
        while (!_endsTie[end])
            end++;
        end++;
        return (end, _isPositive.AsSpan(start, end - start).Count(true));
    }
}
