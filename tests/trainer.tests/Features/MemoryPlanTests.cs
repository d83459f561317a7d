using Headstart.Models;
using Headstart.Trainer.Features;
using Headstart.Trainer.Heads;

namespace Headstart.Tests.Features;

public sealed class MemoryPlanTests : IDisposable
{
    private const int PerClass = 2000;
    private const long RowBytes = 2048L * 7 * 7 * sizeof(float);
    private const long FeatureBytes = 2 * PerClass * RowBytes; // 1.6 GB
    private static readonly string[] Classes = ["cats", "dogs"];
    private static readonly HeadPlan WideHead =
        HeadPlan.Create(HeadSpec.Parse("batchnorm, gap"), new ModelLayer("wide", new LayerShape(2048, 7, 7)), 2);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Features_are_held_in_memory_up_to_seven_tenths_of_what_is_available_and_read_in_blocks_beyond()
    {
        var data = await OpenAsync(32);
        var enough = (long)(FeatureBytes / 0.7) + 1;

        var held = MemoryPlan.Of(null, null, data, WideHead, 32, enough);
        var read = MemoryPlan.Of(null, null, data, WideHead, 32, enough - 10);

        Assert.Equal(new MemoryPlan(null, null, HoldsValidation: true), held);
        Assert.True(read.IsStreamed);
        Assert.InRange(read.Limit!.Value.Bytes, FeatureBytes - (1 << 20), FeatureBytes);
        Assert.Equal(read, MemoryPlan.Of(read.Limit, null, data, WideHead, 32, null)); // as the command that repeats the run says it
        Assert.False(MemoryPlan.Of(null, null, data, WideHead, 32, null).IsStreamed);
    }

    [Fact]
    public async Task Two_blocks_fit_into_what_the_limit_leaves_and_grow_with_it()
    {
        var data = await OpenAsync(32);
        var last = 0;
        foreach (var limit in (MemorySize[])[MemorySize.Parse("700M"), MemorySize.Parse("900M"), MemorySize.Parse("1100M")])
        {
            var plan = MemoryPlan.Of(limit, null, data, WideHead, 32, 64L << 30);
            Assert.Equal(limit, plan.Limit);
            Assert.InRange(2 * plan.BlockRows!.Value * RowBytes, 1, limit.Bytes - (300L << 20));
            Assert.True(plan.BlockRows > last);
            last = plan.BlockRows!.Value;
        }
    }

    [Theory]
    [InlineData(32, 32, true)] // a row group a block: one class each
    [InlineData(32, 1024, false)]
    [InlineData(500, 500, true)]
    public async Task Blocks_of_one_class_each_are_told_with_what_to_do(int partRows, int blockRows, bool told)
    {
        var data = await OpenAsync(partRows);

        var notes = BlockMixture.Notes(data, blockRows, seed: 0).ToList();

        Assert.Equal(told, notes.Count == 1);
        if (told)
        {
            Assert.Equal(0.5, BlockMixture.Distance(data, blockRows, seed: 0), 0.05);
            Assert.Contains(
                "Raise --memory; or extract again from a CSV whose lines are in random order.", notes[0], StringComparison.Ordinal);
        }
    }

    private async Task<TrainingData> OpenAsync(int partRows)
    {
        var layer = new ModelLayer("narrow", new LayerShape(2, 1, 1));
        await SyntheticCache.WriteAsync(_folder.Path, SyntheticCache.Contract(layer), SyntheticCache.Rows(PerClass, Classes),
            (r, _) => SyntheticCache.Features(r, 2, 1), partRows);
        return await TrainingData.OpenAsync(_folder.Path, null, null, 0.2, 0, TestContext.Current.CancellationToken);
    }
}
