using Headstart.Cache;

namespace Headstart.Trainer.Audit;

/// <summary>How well an image's label fits what the others teach of it.</summary>
/// <param name="Image">Which.</param>
/// <param name="Suggested">The most probable other class.</param>
/// <param name="OwnProbability">Of the label.</param>
/// <param name="SuggestedProbability">Of <paramref name="Suggested"/>.</param>
/// <param name="LikelyWrong">Whether the image is as surely of another class as images of that class are on average.</param>
internal sealed record JudgedLabel(CacheRow Image, string Suggested, double OwnProbability, double SuggestedProbability, bool LikelyWrong)
{
    /// <summary>From -1, surely wrong, to 1.</summary>
    public double Margin => OwnProbability - SuggestedProbability;
}

/// <summary>Labels in doubt, by out-of-fold predictions.</summary>
/// <param name="Ranked">All images that could be judged, the smallest margin first.</param>
/// <param name="Classes">Names, in order.</param>
/// <param name="Confusion"><c>[label][predicted]</c>.</param>
/// <param name="NotJudged">Images without a label, or of a class without a second picture.</param>
/// <remarks>
/// Confident learning (Northcutt, Jiang, Chuang, JAIR 2021): an image counts as another class where that class's probability reaches its
/// mean among the images that carry its label. The rank is the normalised margin.
/// </remarks>
internal sealed record LabelCheck(IReadOnlyList<JudgedLabel> Ranked, IReadOnlyList<string> Classes, int[][] Confusion, int NotJudged)
{
    public IEnumerable<JudgedLabel> LikelyWrong => Ranked.Where(l => l.LikelyWrong);

    /// <summary>The share of images whose most probable class is their label; 0 where none was judged.</summary>
    public double Agreement => Ranked.Count == 0 ? 0 : (double)Confusion.Select((row, c) => row[c]).Sum() / Ranked.Count;

    /// <summary>Classes that are taken for another, the most often first.</summary>
    public IEnumerable<(string Label, string Predicted, int Images, int OfClass)> Confused =>
        from t in Enumerable.Range(0, Classes.Count)
        from p in Enumerable.Range(0, Classes.Count)
        where t != p && Confusion[t][p] > 0
        orderby Confusion[t][p] descending, t, p
        select (Classes[t], Classes[p], Confusion[t][p], Confusion[t].Sum());

    /// <param name="rows">n images.</param>
    /// <param name="labels">n class numbers; below 0 where there is none.</param>
    /// <param name="foldOf">n folds, see <see cref="LabelFolds"/>.</param>
    /// <param name="probabilities">n rows of out-of-fold predictions.</param>
    /// <param name="classes">Names, in order.</param>
    public static LabelCheck Of(
        IReadOnlyList<CacheRow> rows, int[] labels, int[] foldOf, double[][] probabilities, IReadOnlyList<string> classes)
    {
        var judged = Enumerable.Range(0, rows.Count).Where(i => foldOf[i] != LabelFolds.None).ToList();
        var confidence = Enumerable.Range(0, classes.Count)
            .Select(c => judged.Where(i => labels[i] == c).Select(i => probabilities[i][c]).DefaultIfEmpty(double.PositiveInfinity)
                .Average()).ToArray();
        var confusion = classes.Select(_ => new int[classes.Count]).ToArray();
        foreach (var i in judged)
            confusion[labels[i]][Highest(probabilities[i], _ => true)]++;
        return new LabelCheck(
            [.. judged.Select(Judge).OrderBy(l => l.Margin).ThenBy(l => l.Image.Path, StringComparer.Ordinal)], classes, confusion,
            rows.Count - judged.Count);

        JudgedLabel Judge(int i)
        {
            var (own, of) = (labels[i], probabilities[i]);
            var other = Highest(of, c => c != own);
            var confident = Highest(of, c => of[c] >= confidence[c]);
            return new JudgedLabel(rows[i], classes[other], of[own], of[other], confident >= 0 && confident != own);
        }
    }

    private static int Highest(double[] probabilities, Func<int, bool> among)
    {
        var highest = -1;
        for (var c = 0; c < probabilities.Length; c++)
        {
            if (among(c) && (highest < 0 || probabilities[c] > probabilities[highest]))
                highest = c;
        }

        return highest;
    }
}
