namespace Headstart.Training.Evaluation;

/// <summary>Rows sorted by their score for one class, once, so that the areas of many resamples cost a walk each and no sort.</summary>
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
    }

    /// <param name="weights">How often each row counts, by row.</param>
    /// <returns>
    /// The area under the ROC curve, ties counting half, NaN when all rows are on one side; and the average precision, as scikit-learn has it (the sum of precision
    /// times gain in recall over the distinct scores, from the highest down), NaN without a row of the class.
    /// </returns>
    public (double Auc, double AveragePrecision) Areas(ReadOnlySpan<int> weights)
    {
        var (positives, negatives, twicePairs) = (0L, 0L, 0L);
        var (tiedPositives, tiedNegatives) = (0L, 0L);
        var precisions = 0.0;
        for (var i = 0; i < _order.Length; i++)
        {
            var weight = weights[_order[i]];
            if (_isPositive[i])
                tiedPositives += weight;
            else
                tiedNegatives += weight;
            if (!_endsTie[i])
                continue;
            if (tiedPositives > 0)
                precisions += tiedPositives * (double)(positives + tiedPositives) / (positives + tiedPositives + negatives + tiedNegatives);
            twicePairs += tiedNegatives * ((2 * positives) + tiedPositives);
            positives += tiedPositives;
            negatives += tiedNegatives;
            (tiedPositives, tiedNegatives) = (0, 0);
        }

        return (twicePairs / 2.0 / ((double)positives * negatives), precisions / positives);
    }
}
