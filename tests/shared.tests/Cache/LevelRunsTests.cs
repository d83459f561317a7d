using CsCheck;
using Headstart.Cache.Parquet;

namespace Headstart.Tests.Cache;

/// <summary>
/// Levels as the Parquet format describes them, built here by hand: (count * 2, level) for a run, (groups of eight * 2 + 1, bits) for
/// packed ones.
/// </summary>
public sealed class LevelRunsTests
{
    [Fact]
    public void Rows_are_recognised_however_their_levels_are_cut_into_runs()
    {
        var gen =
            from length in Gen.Int[1, 30]
            from rows in Gen.Int[1, 10]
            from first in Gen.Int[0, 100]
            from cuts in Gen.Int[1, 40].Array[1, 20]
            from wrong in Gen.Int[0, length * rows - 1]
            select (length, count: length * rows, first, cuts, wrong);
        gen.Sample(sample =>
        {
            var levels = Enumerable.Range(sample.first, sample.count).Select(i => i % sample.length == 0 ? 0 : 1).ToArray();
            Assert.True(LevelRuns.AreRows(Encode(levels, sample.cuts, 1), sample.count, sample.first, sample.length));

            levels[sample.wrong] ^= 1;
            Assert.False(LevelRuns.AreRows(Encode(levels, sample.cuts, 1), sample.count, sample.first, sample.length));
        }, threads: 1);
    }

    [Fact]
    public void One_other_level_among_equal_ones_is_seen()
    {
        var gen =
            from count in Gen.Int[1, 300]
            from cuts in Gen.Int[1, 40].Array[1, 20]
            from wrong in Gen.Int[0, count - 1]
            select (count, cuts, wrong);
        gen.Sample(sample =>
        {
            var levels = Enumerable.Repeat(2, sample.count).ToArray();
            Assert.True(LevelRuns.AreAll(Encode(levels, sample.cuts, 2), sample.count, 2, 2));

            levels[sample.wrong] = 1;
            Assert.False(LevelRuns.AreAll(Encode(levels, sample.cuts, 2), sample.count, 2, 2));
        }, threads: 1);
    }

    [Theory]
    [InlineData(new byte[0])]
    [InlineData(new byte[] { 16 })] // a run without its level
    [InlineData(new byte[] { 18, 2 })] // nine levels
    [InlineData(new byte[] { 0, 2 })] // none
    [InlineData(new byte[] { 8, 2 })] // four, and no more
    [InlineData(new byte[] { 3, 0xAA })] // packed, and half of it
    [InlineData(new byte[] { 5, 0xAA, 0xAA, 0xAA, 0xAA })] // sixteen packed
    [InlineData(new byte[] { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2 })] // a number without end
    public void Runs_that_are_not_eight_levels_are_damage(byte[] runs) =>
        Assert.Throws<InvalidDataException>(() => LevelRuns.AreAll(runs, 8, 2, 2));

    // Pieces of the given sizes, again and again: runs where a piece has one level, else packed (which needs eight at a time, except at the
    // end).
    private static byte[] Encode(int[] levels, int[] cuts, int bits)
    {
        var bytes = new List<byte>();
        for (var (at, cut) = (0, 0); at < levels.Length; cut++)
        {
            var piece = levels.AsSpan(at, Math.Min(cuts[cut % cuts.Length], levels.Length - at)).ToArray();
            if (piece.All(l => l == piece[0]))
            {
                Varint(piece.Length << 1);
                bytes.Add((byte)piece[0]);
                at += piece.Length;
                continue;
            }

            var groups = Math.Min((piece.Length + 7) / 8, (levels.Length - at + 7) / 8);
            Varint(groups << 1 | 1);
            var packed = new byte[groups * bits];
            for (var i = 0; i < groups * 8 && at + i < levels.Length; i++)
                packed[i * bits / 8] |= (byte)(levels[at + i] << (i * bits % 8));
            bytes.AddRange(packed);
            at += groups * 8;
        }

        return [.. bytes];

        void Varint(int value)
        {
            for (; value >= 128; value >>= 7)
                bytes.Add((byte)(value | 128));
            bytes.Add((byte)value);
        }
    }
}
