using CsCheck;
using Headstart.Trainer.Features;

namespace Headstart.Tests.Features;

public sealed class BlockDealTests
{
    [Fact]
    public void Every_group_is_in_one_block_and_no_block_is_too_large()
    {
        var cases = Gen.Select(Gen.Int[1, 50].Array[1, 60], Gen.Int[50, 500], Gen.Long);
        cases.Sample((rows, capacity, seed) =>
        {
            var blocks = BlockDeal.Deal(rows, capacity, seed, 1);

            Assert.Equal(Enumerable.Range(0, rows.Length), blocks.SelectMany(b => b).Order());
            Assert.All(blocks, b => Assert.InRange(b.Sum(g => rows[g]), 1, capacity));
            Assert.Equal(blocks, BlockDeal.Deal(rows, capacity, seed, 1));
        });
    }

    [Fact]
    public void Blocks_of_a_cache_in_the_order_of_its_classes_have_the_classes_of_the_whole()
    {
        // 10 classes of 10 groups each, one class after the other; 10 groups a block.
        var rows = Enumerable.Repeat(32, 100).ToArray();
        var drawnFreely = Enumerable.Range(0, 100).ToArray();
        new SeededRandom(0, "free").Shuffle(drawnFreely.AsSpan());

        var blocks = BlockDeal.Deal(rows, 320, 0, 1);

        Assert.Equal(10, blocks.Count);
        Assert.All(blocks, b => Assert.Equal(Enumerable.Range(0, 10), b.Select(g => g / 10).Order()));
        Assert.Contains(drawnFreely.Chunk(10), b => b.Select(g => g / 10).Distinct().Count() < 8); // what it saves us from
    }

    [Fact]
    public void Epochs_and_seeds_deal_differently()
    {
        var rows = Enumerable.Repeat(32, 100).ToArray();

        Assert.NotEqual(BlockDeal.Deal(rows, 320, 0, 1), BlockDeal.Deal(rows, 320, 0, 2));
        Assert.NotEqual(BlockDeal.Deal(rows, 320, 0, 1), BlockDeal.Deal(rows, 320, 1, 1));
    }
}
