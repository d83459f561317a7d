using Headstart.Cache;
using Headstart.Trainer.Features;

namespace Headstart.Trainer.Sweeps;

/// <summary>Divides images into folds; each fold judges once what the others trained.</summary>
/// <remarks>
/// Stratified: every class is dealt out evenly. What is dealt are distinct images (by checksum), so exact duplicates and the views of an
/// image lie in one fold. It depends on the images and the seed alone, not on the order of the rows.
/// </remarks>
internal static class FoldSplit
{
    /// <param name="rows">Of the cache.</param>
    /// <param name="pool">The rows to divide, as <see cref="RowSplit.Pool"/> gives them.</param>
    /// <param name="folder">The cache, for messages.</param>
    /// <param name="folds">At least 2.</param>
    /// <param name="seed">Decides which image goes where.</param>
    /// <returns>One split a fold. All views of an image train; plain images alone validate.</returns>
    /// <exception cref="CommandException">A class has fewer distinct images than there are folds.</exception>
    public static IReadOnlyList<RowSplit> Divide(IReadOnlyList<CacheRow> rows, IReadOnlyList<int> pool, string folder, int folds, long seed)
    {
        var images = pool.GroupBy(r => rows[r].Sha256, StringComparer.Ordinal)
            .Select(g => (Sha256: g.Key, Label: g.Select(r => rows[r].Label!).Min(StringComparer.Ordinal)!));
        var foldOf = new Dictionary<string, int>(StringComparer.Ordinal);
        var next = 0;
        foreach (var ofClass in images.GroupBy(i => i.Label, StringComparer.Ordinal).OrderBy(g => g.Key, StringComparer.Ordinal))
        {
            var dealt = ofClass.Select(i => i.Sha256).Order(StringComparer.Ordinal).ToArray();
            if (dealt.Length < folds)
            {
                throw new CommandException(
                    $"{folder}: class '{ofClass.Key}' has {dealt.Length} different {(dealt.Length == 1 ? "image" : "images")}, " +
                    $"too few for --folds {folds}. Ask for fewer folds, or add images of it.");
            }

            new SeededRandom(seed, "fold " + ofClass.Key).Shuffle(dealt.AsSpan());

            // Each class begins where the one before it ended, so that the folds' sizes differ by one image at most.
            foreach (var image in dealt)
                foldOf[image] = next++ % folds;
        }

        return
        [
            .. Enumerable.Range(0, folds).Select(f => new RowSplit(
                [.. pool.Where(r => foldOf[rows[r].Sha256] != f)],
                [.. pool.Where(r => foldOf[rows[r].Sha256] == f && rows[r].View == 0)],
                $"fold {f + 1} of {folds}, seed {seed}",
                [])),
        ];
    }
}
