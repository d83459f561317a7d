using Headstart.Cache;

namespace Headstart.Trainer.Features;

/// <summary>Which of the chosen rows are views of one image, and where each goes in a <see cref="FeatureSet"/>.</summary>
/// <param name="Images">For each image the row that stands for it: the first of its rows, which is the plain view where the rows are
/// ordered by view.</param>
/// <param name="Slots">For each chosen row its place: images first, in the order of the rows, then all other views.</param>
/// <param name="OtherSlots">For each image the places of its other views; null where no image has any.</param>
internal sealed record ImageViews(IReadOnlyList<int> Images, int[] Slots, int[][]? OtherSlots)
{
    /// <param name="rows">Of the caches.</param>
    /// <param name="chosen">Row numbers.</param>
    /// <param name="cacheOf">Which cache a row is in, where there are several: equal rows of two caches are two images.</param>
    public static ImageViews Of(IReadOnlyList<CacheRow> rows, IReadOnlyList<int> chosen, Func<int, int>? cacheOf = null)
    {
        var imageOf = new Dictionary<(int, CacheRow), int>();
        var images = new List<int>();
        var image = new int[chosen.Count];
        var isFirst = new bool[chosen.Count];
        for (var i = 0; i < chosen.Count; i++)
        {
            // Path, bytes, label and split: a moved image's old row may still be there after a killed run.
            var key = (cacheOf?.Invoke(chosen[i]) ?? 0, rows[chosen[i]] with { View = 0 });
            isFirst[i] = imageOf.TryAdd(key, images.Count);
            image[i] = imageOf[key];
            if (isFirst[i])
                images.Add(chosen[i]);
        }

        var slots = new int[chosen.Count];
        var others = images.Select(_ => new List<int>()).ToList();
        var next = images.Count;
        for (var i = 0; i < chosen.Count; i++)
        {
            slots[i] = isFirst[i] ? image[i] : next++;
            if (!isFirst[i])
                others[image[i]].Add(slots[i]);
        }

        return new ImageViews(images, slots, next == images.Count ? null : [.. others.Select(o => o.ToArray())]);
    }

    /// <summary>Which view an epoch sees of an image: 0 for the plain one, all equally likely.</summary>
    /// <param name="views">How many there are, the plain one among them.</param>
    /// <param name="seed">Decides, with the epoch and the image.</param>
    /// <param name="epoch">From 1.</param>
    /// <param name="image">Its number.</param>
    public static int Draw(int views, long seed, int epoch, int image) =>
        views == 1 ? 0 : new SeededRandom(seed, "view", ((long)epoch << 32) | (uint)image).NextBelow(views);
}
