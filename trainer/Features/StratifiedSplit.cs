using Headstart.Cache;

namespace Headstart.Trainer.Features;

/// <summary>Draws a validation split: the same fraction of every class, by a seed.</summary>
/// <remarks>
/// What is drawn are distinct images (by checksum), so exact duplicates and the views of an image stay on one side. The draw
/// depends on the images and the seed alone, not on the order of the rows.
/// </remarks>
internal static class StratifiedSplit
{
    /// <param name="rows">Of the cache.</param>
    /// <param name="from">The row numbers to divide, ordered; each side keeps that order.</param>
    /// <param name="folder">The cache, for messages.</param>
    /// <param name="fraction">Of each class's distinct images that validate; at least one, and at least one is left.</param>
    /// <param name="seed">Decides which.</param>
    /// <exception cref="CommandException">A fraction that leaves a side empty, or a class with one distinct image.</exception>
    public static (List<int> Train, List<int> Validation) Draw(
        IReadOnlyList<CacheRow> rows, IReadOnlyList<int> from, string folder, double fraction, long seed)
    {
        if (!(fraction > 0 && fraction < 1))
            throw CommandException.Usage(
                $"--val-split {fraction}: the fraction of images to validate with lies between 0 and 1, such as 0.2.");

        var images = from.GroupBy(r => rows[r].Sha256, StringComparer.Ordinal)
            .Select(g => (Sha256: g.Key, Label: g.Select(r => rows[r].Label!).Min(StringComparer.Ordinal)!));
        var validation = new HashSet<string>(StringComparer.Ordinal);
        foreach (var ofClass in images.GroupBy(i => i.Label, StringComparer.Ordinal))
        {
            var drawn = ofClass.Select(i => i.Sha256).Order(StringComparer.Ordinal).ToArray();
            if (drawn.Length == 1)
            {
                throw new CommandException($"{folder}: class '{ofClass.Key}' has one image only, and one is needed on each side. " +
                    "Add images of it, remove it, or give a validation set with --val.");
            }

            new SeededRandom(seed, "split " + ofClass.Key).Shuffle(drawn.AsSpan());
            var count = Math.Clamp((int)Math.Round(fraction * drawn.Length, MidpointRounding.AwayFromZero), 1, drawn.Length - 1);
            validation.UnionWith(drawn[..count]);
        }

        return ([.. from.Where(r => !validation.Contains(rows[r].Sha256))], [.. from.Where(r => validation.Contains(rows[r].Sha256))]);
    }
}
