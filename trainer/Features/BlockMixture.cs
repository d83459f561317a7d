namespace Headstart.Trainer.Features;

/// <summary>How far the blocks of a streamed epoch are from the mixture of classes that all images have.</summary>
internal static class BlockMixture
{
    // In a well-shuffled epoch every batch has a mixture of its own that is about this far off.
    private const double Harmless = 0.25;

    /// <summary>What the user should know about it; nothing where blocks are mixed well.</summary>
    /// <param name="blockRows">The images that a block holds at most.</param>
    /// <param name="seed">Of the training: its first epoch is looked at.</param>
    public static IEnumerable<string> Notes(TrainingData data, int blockRows, long seed)
    {
        var distance = Distance(data, blockRows, seed);
        if (distance > Harmless)
        {
            yield return $"A block's mixture of classes is {distance:0%} off: it holds too few row groups, and neighbouring images have " +
                "the same class. " +
                "Raise --memory; or extract again from a CSV whose lines are in random order.";
        }
    }

    /// <summary>
    /// The part of a block's images, in the mean, that would have to be of another class for it to be mixed like the whole: 0 to 1.
    /// </summary>
    public static double Distance(TrainingData data, int blockRows, long seed)
    {
        var labels = ClassIndex.Of(data.Joined.Rows, data.Split.Train, data.Classes);
        var labelOf = new int[data.Joined.Rows.Count];
        Array.Fill(labelOf, -1);
        foreach (var (row, label) in data.Split.Train.Zip(labels))
            labelOf[row] = label;
        var counts = data.Joined.RowGroups
            .Select(g => Count(labelOf.AsSpan(g.FirstRow, g.RowCount), data.Classes.Count))
            .Where(c => c.Sum() > 0)
            .ToList();
        var all = Sum(counts, data.Classes.Count);
        var capacity = Math.Max(blockRows, counts.Max(c => c.Sum()));
        return BlockDeal.Deal([.. counts.Select(c => c.Sum())], capacity, seed, epoch: 1)
            .Average(block => Distance(Sum(block.Select(g => counts[g]), data.Classes.Count), all));
    }

    private static double Distance(int[] block, int[] all)
    {
        var (rows, total) = ((double)block.Sum(), (double)all.Sum());
        return block.Zip(all, (b, a) => Math.Abs((b / rows) - (a / total))).Sum() / 2;
    }

    private static int[] Count(ReadOnlySpan<int> labels, int classes)
    {
        var counts = new int[classes];
        foreach (var label in labels)
        {
            if (label >= 0)
                counts[label]++;
        }

        return counts;
    }

    private static int[] Sum(IEnumerable<int[]> counts, int classes)
    {
        var sum = new int[classes];
        foreach (var count in counts)
        {
            for (var c = 0; c < classes; c++)
                sum[c] += count[c];
        }

        return sum;
    }
}
