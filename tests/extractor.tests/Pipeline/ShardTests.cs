using Headstart.Cache;

namespace Headstart.Tests.Pipeline;

/// <summary>Several runs that fill one cache.</summary>
public sealed class ShardTests : IDisposable
{
    private readonly ExtractionSample _sample = new(pictures: 11);

    public void Dispose() => _sample.Dispose();

    [Fact]
    public async Task The_rows_of_shards_in_any_order_equal_those_of_one_run()
    {
        foreach (var index in new[] { 2, 0, 3, 1, 2 })
            await _sample.RunAsync("sharded", shard: new Shard(index, 4));

        await _sample.RunAsync("whole");
        Assert.Equal(await _sample.SortedAsync("whole"), await _sample.SortedAsync("sharded"));
        Assert.All(
            Directory.GetFiles(_sample.Folder.File("sharded"), "*.parquet"), p => Assert.Matches("part-[0-3]-of-4-00000.parquet$", p));
    }

    [Fact]
    public async Task A_shard_touches_only_its_own_rows_and_a_run_over_everything_takes_over()
    {
        for (var index = 0; index < 3; index++)
            await _sample.RunAsync("sharded", shard: new Shard(index, 3));
        var gone = _sample.Images.Items.Where(i => new Shard(1, 3).Owns(i.Path)).ToList();
        gone.ForEach(i => File.Delete(i.File));

        Assert.Equal(0, (await _sample.RunAsync("sharded", shard: new Shard(0, 3))).Removed);
        Assert.Equal(11, (await _sample.ReadAsync("sharded")).Count);
        Assert.Equal(gone.Count, (await _sample.RunAsync("sharded")).Removed);
        Assert.Equal(11 - gone.Count, (await _sample.ReadAsync("sharded")).Count);
    }

    [Fact]
    public async Task Another_number_of_shards_is_refused()
    {
        await _sample.RunAsync("sharded", shard: new Shard(0, 3));

        var error = await Assert.ThrowsAsync<CommandException>(() => _sample.RunAsync("sharded", shard: new Shard(0, 2)));

        Assert.Contains("part-0-of-3-00000.parquet is not of 2 shards", error.Message, StringComparison.Ordinal);
    }
}
