using Headstart.Cache;

namespace Headstart.Tests.Cache;

public sealed class CacheLockTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_second_holder_is_told_who_the_first_is()
    {
        using var first = CacheLock.Acquire(new CacheFolder(_folder.Path), TimeProvider.System);

        var error = Assert.Throws<CommandException>(() => CacheLock.Acquire(new CacheFolder(_folder.Path), TimeProvider.System));

        Assert.Contains($"process {Environment.ProcessId} on {Environment.MachineName} since 2", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_lock_file_without_a_holder_is_stale()
    {
        CacheLock.Acquire(new CacheFolder(_folder.Path), TimeProvider.System).Dispose();
        File.WriteAllText(_folder.File(".lock"), """{"processId":1,"host":"gone","since":"2020-01-01T00:00:00Z"}""");

        CacheLock.Acquire(new CacheFolder(_folder.Path), TimeProvider.System).Dispose();
    }

    [Fact]
    public void Shards_hold_a_cache_together_and_keep_out_a_run_over_everything()
    {
        using (CacheLock.Acquire(new CacheFolder(_folder.Path, new Shard(0, 2)), TimeProvider.System))
        using (CacheLock.Acquire(new CacheFolder(_folder.Path, new Shard(1, 2)), TimeProvider.System))
        {
            Assert.Throws<CommandException>(() => CacheLock.Acquire(new CacheFolder(_folder.Path, new Shard(1, 2)), TimeProvider.System));
            Assert.Throws<CommandException>(() => CacheLock.Acquire(new CacheFolder(_folder.Path), TimeProvider.System));
        }

        using (CacheLock.Acquire(new CacheFolder(_folder.Path), TimeProvider.System))
            Assert.Throws<CommandException>(() => CacheLock.Acquire(new CacheFolder(_folder.Path, new Shard(1, 2)), TimeProvider.System));
    }

    [Fact]
    public void A_folder_that_cannot_be_made_is_named()
    {
        var file = _folder.Write("taken", []);

        var error =
            Assert.Throws<CommandException>(() => CacheLock.Acquire(new CacheFolder(Path.Combine(file, "cache")), TimeProvider.System));

        Assert.Contains("Can't write into", error.Message, StringComparison.Ordinal);
    }
}
