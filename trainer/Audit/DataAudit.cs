using Headstart.Cache;
using Headstart.CommandLine;
using Headstart.Models;

namespace Headstart.Trainer.Audit;

/// <summary>What the features of a cache say about its pictures and labels.</summary>
/// <param name="Images">All plain images.</param>
/// <param name="Classes">The labels' names.</param>
/// <param name="Duplicates">Exact and near.</param>
/// <param name="Near">Where the near ones come from.</param>
/// <param name="Labels">Null where there are not two classes with two pictures each.</param>
/// <param name="Outliers">Every image scored, the farthest first.</param>
/// <param name="Problems">Unreadable and tiny images.</param>
internal sealed record DataAudit(
    int Images, IReadOnlyList<string> Classes, DuplicatePairs Duplicates, NearDuplicates Near, LabelCheck? Labels,
    IReadOnlyList<OutlierScore> Outliers,
    IReadOnlyList<ImageProblem> Problems)
{
    private const int Folds = 5;

    /// <summary>Looks at all splits: it makes no head and chooses none.</summary>
    /// <param name="cache">To audit.</param>
    /// <param name="layer">The features to judge by.</param>
    /// <param name="seed">Of the sketches and the folds.</param>
    /// <exception cref="CommandException">As of <see cref="AuditedImages.LoadAsync"/> and <see cref="ImageProblems.Of"/>.</exception>
    public static async Task<DataAudit> RunAsync(
        FeatureCache cache, ModelLayer layer, long seed, TimeProvider time, CancellationToken cancellationToken)
    {
        using var images = await ProgressDisplay.RunAsync(
            "reading", "images", time, begin => AuditedImages.LoadAsync(cache, layer, seed, begin(cache.Rows.Count), cancellationToken));
        string[] classes = [.. images.Rows.Select(r => r.Label).OfType<string>().Distinct().Order(StringComparer.Ordinal)];
        var labels = images.Rows.Select(r => r.Label is null ? -1 : Array.BinarySearch(classes, r.Label, StringComparer.Ordinal)).ToArray();
        var neighbours = Neighbours.Find(images.Pooled, [.. images.FirstRow.Select(r => labels[r])], cancellationToken);
        var near = NearDuplicates.Find(images.Sketches, neighbours, cancellationToken);
        var duplicates = DuplicatePairs.Of(images, near);
        var outliers = Audit.Outliers.Rank(images, neighbours);
        var check = await ProgressDisplay.RunAsync(
            "judging labels", "folds", time,
            begin => Task.FromResult(Check(images, labels, duplicates, classes, seed, begin(Folds), cancellationToken)));
        return new DataAudit(images.Rows.Count, classes, duplicates, near, check, outliers, ImageProblems.Of(cache, images.Rows));
    }

    private static LabelCheck? Check(
        AuditedImages images, int[] labels, DuplicatePairs duplicates, string[] classes, long seed, IProgress<int> progress,
        CancellationToken cancellationToken)
    {
        var foldOf = LabelFolds.Draw(labels, duplicates.GroupOf, Folds, seed);
        if (labels.Where((_, i) => foldOf[i] != LabelFolds.None).Distinct().Count() < 2)
            return null;
        using var places = TorchSharp.torch.tensor(images.Distinct, TorchSharp.torch.ScalarType.Int64);
        using var pooled = images.Pooled.index_select(0, places);
        using var features = pooled.to(TorchSharp.torch.ScalarType.Float64);
        var probabilities = OutOfFold.Predict(features, labels, foldOf, classes.Length, progress, cancellationToken);
        return LabelCheck.Of(images.Rows, labels, foldOf, probabilities, classes);
    }
}
