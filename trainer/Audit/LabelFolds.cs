namespace Headstart.Trainer.Audit;

/// <summary>
/// Divides images into folds: each class evenly, and all images of one picture in the same fold, so that no image is judged by its own
/// duplicate.
/// </summary>
internal static class LabelFolds
{
    /// <summary>An image that can't be judged: its class has no other picture.</summary>
    public const int None = -1;

    /// <param name="labels">A class number for each image; below 0 where it has none.</param>
    /// <param name="pictures">For each image the number of its picture; see <see cref="DuplicatePairs.GroupOf"/>.</param>
    /// <param name="folds">How many.</param>
    /// <param name="seed">Decides which; the order of the images does so too.</param>
    /// <returns>For each image its fold, or <see cref="None"/>.</returns>
    public static int[] Draw(int[] labels, int[] pictures, int folds, long seed)
    {
        var foldOf = new Dictionary<int, int>();
        var next = 0;

        // A picture counts for the class of its first image.
        var ofClass = Enumerable.Range(0, labels.Length).Where(i => labels[i] >= 0).DistinctBy(i => pictures[i]).GroupBy(i => labels[i])
            .OrderBy(g => g.Key).ToList();
        foreach (var group in ofClass)
        {
            var drawn = group.Select(i => pictures[i]).ToArray();
            new SeededRandom(seed, "audit folds", group.Key).Shuffle(drawn.AsSpan());
            foreach (var picture in drawn)
                foldOf[picture] = drawn.Length == 1 ? None : next++ % folds;
        }

        return [.. labels.Select((label, i) => label < 0 ? None : foldOf[pictures[i]])];
    }
}
