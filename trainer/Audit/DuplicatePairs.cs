using Headstart.Cache;

namespace Headstart.Trainer.Audit;

/// <summary>An image and another one that shows the same.</summary>
/// <param name="Group">From 1; all that are linked by pairs have one number.</param>
/// <param name="Image">A row of <see cref="AuditedImages.Rows"/>.</param>
/// <param name="Other">Another.</param>
/// <param name="Similarity">Null where the files are equal byte for byte.</param>
internal readonly record struct DuplicatePair(int Group, CacheRow Image, CacheRow Other, double? Similarity)
{
    public bool IsExact => Similarity is null;

    public bool CrossesSplits => !string.Equals(Image.Split, Other.Split, StringComparison.OrdinalIgnoreCase);

    public bool HasTwoLabels => Image.Label != Other.Label;
}

/// <summary>Exact and near duplicates together, and which images belong to one picture.</summary>
/// <param name="Pairs">Exact ones first, then by falling similarity.</param>
/// <param name="GroupOf">For each row the number of its picture; rows without duplicates have one of their own.</param>
/// <remarks>Of n equal files each but the first makes a pair with the first; near pairs are between the first of equal files.</remarks>
internal sealed record DuplicatePairs(IReadOnlyList<DuplicatePair> Pairs, int[] GroupOf)
{
    public int Exact => Pairs.Count(p => p.IsExact);

    public int Near => Pairs.Count - Exact;

    public static DuplicatePairs Of(AuditedImages images, NearDuplicates near)
    {
        var parent = Enumerable.Range(0, images.FirstRow.Length).ToArray();
        foreach (var pair in near.Pairs)
            parent[Root(pair.First)] = Root(pair.Second);

        var numbers = new Dictionary<int, int>();
        var exact = Enumerable.Range(0, images.Rows.Count)
            .Where(r => images.FirstRow[images.Distinct[r]] != r)
            .Select(r => Pair(images.Distinct[r], images.FirstRow[images.Distinct[r]], r, null));
        var close = near.Pairs.Select(p => Pair(p.First, images.FirstRow[p.First], images.FirstRow[p.Second], p.Similarity));
        return new DuplicatePairs([.. exact, .. close], [.. images.Distinct.Select(Root)]);

        DuplicatePair Pair(int distinct, int row, int other, double? similarity)
        {
            numbers.TryAdd(Root(distinct), numbers.Count + 1);
            return new DuplicatePair(numbers[Root(distinct)], images.Rows[row], images.Rows[other], similarity);
        }

        int Root(int i)
        {
            while (parent[i] != i)
                i = parent[i] = parent[parent[i]];
            return i;
        }
    }
}
