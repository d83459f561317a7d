using Headstart.Cache;

namespace Headstart.Tests.Cache;

public sealed class CacheWriterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly CacheContract _contract = CacheSamples.Contract();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Parts_that_are_written_while_others_fill_hold_every_row_once_and_in_order()
    {
        await using var writer = new CacheWriter(new CacheFolder(_folder.Path), _contract, new HurryingClock());
        for (var i = 0; i < 40; i++)
            await AddAsync(writer, i);
        await writer.FlushAsync();

        var cache = await FeatureCache.OpenAsync(_folder.Path, TestContext.Current.CancellationToken);
        Assert.Equal(Enumerable.Range(0, 40).Select(CacheSamples.Row), cache.Rows);
        Assert.Equal(Enumerable.Range(0, 40).Select(i => CacheSamples.Features(i, _contract.Layers[0])),
            await CacheSamples.ReadLayerAsync(cache, "pool"));
        Assert.Equal(40, Directory.GetFiles(_folder.Path, "*.parquet").Length);
    }

    [Fact]
    public async Task A_part_that_cannot_be_written_fails_the_next_call_and_those_before_it_stay()
    {
        await using var writer = new CacheWriter(new CacheFolder(_folder.Path), _contract, new HurryingClock());
        await AddAsync(writer, 0);
        await writer.FlushAsync();
        Directory.CreateDirectory(_folder.File("part-00001.parquet.tmp"));

        var error = await Assert.ThrowsAsync<CommandException>(async () =>
        {
            await AddAsync(writer, 1);
            await writer.FlushAsync();
        });

        Assert.Contains("Can't write", error.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<CommandException>(writer.FlushAsync);
        Directory.Delete(_folder.File("part-00001.parquet.tmp"));
        var cache = await FeatureCache.OpenAsync(_folder.Path, TestContext.Current.CancellationToken);
        Assert.Equal(CacheSamples.Row(0), Assert.Single(cache.Rows));
    }

    private Task AddAsync(CacheWriter writer, int row) =>
        writer.AddAsync(CacheSamples.Row(row), [CacheSamples.Features(row, _contract.Layers[0])]);

    /// <summary>Each look at it is 15 seconds later: a part is due after each row.</summary>
    private sealed class HurryingClock : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Interlocked.Add(ref _now, 15);
    }
}
