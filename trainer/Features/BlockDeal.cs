namespace Headstart.Trainer.Features;

/// <summary>Divides row groups among the blocks of an epoch.</summary>
/// <remarks>
/// A folder of classes is extracted class by class, so neighbouring groups hold the same class, and groups drawn without a rule would give
/// blocks of very different mixtures. The groups are therefore divided, in the cache's order, into as many stretches as a block has groups,
/// and each block gets one group of every stretch at random: it holds the classes as the whole cache does, to within a group.
/// </remarks>
internal static class BlockDeal
{
    /// <param name="rows">How many rows of each group are wanted, in the cache's order; none of them 0.</param>
    /// <param name="capacity">The rows that a block holds at most; at least as many as any group has.</param>
    /// <param name="seed">Decides, with the epoch.</param>
    /// <param name="epoch">From 1.</param>
    /// <returns>For each block its groups' places in <paramref name="rows"/>, ascending; every group is in one block.</returns>
    public static List<int[]> Deal(IReadOnlyList<int> rows, int capacity, long seed, int epoch)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rows.Count == 0 ? 0 : rows.Max(), capacity, nameof(capacity));

        // Groups differ in size, so the least number of blocks may not be enough.
        var count = (int)Math.Max(1, (rows.Sum(r => (long)r) + capacity - 1) / capacity);
        while (true)
        {
            var random = new SeededRandom(seed, "blocks", epoch);
            var blocks = Enumerable.Range(0, Math.Min(count, rows.Count)).Select(_ => new List<int>()).ToArray();
            for (var first = 0; first < rows.Count; first += blocks.Length)
            {
                // The last stretch may be shorter: the blocks that go without are drawn too.
                var stretch = Enumerable.Range(first, blocks.Length).ToArray();
                random.Shuffle(stretch.AsSpan());
                for (var i = 0; i < blocks.Length; i++)
                {
                    if (stretch[i] < rows.Count)
                        blocks[i].Add(stretch[i]);
                }
            }

            var dealt = blocks.Where(b => b.Count > 0).ToArray();
            if (dealt.All(block => block.Sum(group => (long)rows[group]) <= capacity))
            {
                random.Shuffle(dealt.AsSpan());
                return [.. dealt.Select(b => b.ToArray())];
            }

            count += Math.Max(1, count / 50);
        }
    }
}
