namespace Headstart.Trainer.Evaluation;

/// <summary>
/// The area under the ROC curve: the probability that a random positive row scores above a random negative one, ties counting half.
/// </summary>
internal static class RocAuc
{
    /// <summary>Two classes: the area for the second. More: the plain mean over classes of each against the rest (macro).</summary>
    /// <param name="logProbabilities">n x k, row-major.</param>
    /// <param name="labels">n class indices.</param>
    /// <returns>Null where it is not defined: for two classes when one of them has no row; for more when none has rows on both sides.
    /// A class without rows is left out of the mean.</returns>
    public static double? Of(ReadOnlySpan<double> logProbabilities, ReadOnlySpan<int> labels)
    {
        var classes = Metrics.Classes(logProbabilities, labels);
        var scores = new double[labels.Length];
        var positive = new bool[labels.Length];
        var (sum, defined) = (0.0, 0);
        for (var c = classes == 2 ? 1 : 0; c < classes; c++)
        {
            for (var i = 0; i < labels.Length; i++)
            {
                scores[i] = logProbabilities[(i * classes) + c];
                positive[i] = labels[i] == c;
            }

            if (Binary(scores, positive) is not { } area)
                continue;
            sum += area;
            defined++;
        }

        return defined == 0 ? null : sum / defined;
    }

    /// <summary>The area for one set of scores.</summary>
    /// <param name="scores">Higher means more likely positive. Overwritten: sorted on return.</param>
    /// <param name="positive">The truth. Overwritten: in the order of the scores on return.</param>
    /// <returns>Null when all rows are on one side.</returns>
    /// <remarks>By ranks (Mann and Whitney), so it costs a sort.</remarks>
    public static double? Binary(Span<double> scores, Span<bool> positive)
    {
        scores.Sort(positive);
        var (positives, twiceRankSum) = (0L, 0L);
        for (var start = 0; start < scores.Length;)
        {
            var end = start + 1;
            while (end < scores.Length && scores[end] == scores[start])
                end++;
            var inTie = positive[start..end].Count(true);
            positives += inTie;
            twiceRankSum += inTie * ((long)start + 1 + end); // the ranks start+1 .. end have the mean (start+1+end)/2
            start = end;
        }

        var negatives = scores.Length - positives;
        return positives == 0 || negatives == 0
            ? null
            : (twiceRankSum - (positives * (positives + 1))) / 2.0 / ((double)positives * negatives);
    }
}
