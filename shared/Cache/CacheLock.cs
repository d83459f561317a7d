using System.Text.Json;

namespace Headstart.Cache;

/// <summary>
/// Keeps a second extractor out of a cache. Held through the operating system, so it ends with its process however that ends.
/// </summary>
public sealed class CacheLock : IDisposable
{
    private readonly IReadOnlyList<FileStream> _streams;

    private CacheLock(IReadOnlyList<FileStream> streams) => _streams = streams;

    /// <exception cref="CommandException">Another process holds the cache (the message says which), or the folder can't be
    /// written.</exception>
    public static CacheLock Acquire(CacheFolder folder, TimeProvider time)
    {
        var streams = new List<FileStream>();
        try
        {
            Directory.CreateDirectory(folder.Path);

            // Shards share the common lock, so that they keep out a run over everything, and each holds one of its own.
            if (folder.Shard is not null)
            {
                using (new FileStream(folder.CommonLockFile, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite))
                {
                    // A reader's lock needs a file that is there.
                }

                streams.Add(new FileStream(folder.CommonLockFile, FileMode.Open, FileAccess.Read, FileShare.Read));
            }

            streams.Add(new FileStream(folder.LockFile, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
            var holder = new Holder(Environment.ProcessId, Environment.MachineName, time.GetUtcNow());
            AtomicFile.WriteText(folder.LockHolder, JsonSerializer.Serialize(holder, HeadstartJson.Compact));
            return new CacheLock(streams);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CommandException)
        {
            streams.ForEach(s => s.Dispose());
            throw Explain(folder, e);
        }
    }

    /// <summary>
    /// Lets go. The files stay: deleting one that another process is just opening would let two processes hold the cache.
    /// </summary>
    public void Dispose()
    {
        foreach (var stream in _streams)
            stream.Dispose();
    }

    private static CommandException Explain(CacheFolder folder, Exception e)
    {
        if (e is CommandException known)
            return known;
        var holders = e is IOException && Directory.Exists(folder.Path)
            ? Directory.EnumerateFiles(folder.Path, ".lock-holder*.json").Select(ReadHolder).OfType<Holder>()
                .OrderByDescending(h => h.Since).ToList()
            : [];
        var holder = ReadHolder(folder.LockHolder) ?? holders.FirstOrDefault();
        return new CommandException(e is UnauthorizedAccessException || holder is null
            ? $"Can't write into {folder.Path}: {e.Message} Choose another --out."
            : $"{folder.Path} is in use by process {holder.ProcessId} on {holder.Host} since {holder.Since:yyyy-MM-dd HH:mm:ss} UTC. " +
                "Wait for it, or end it; what it has written stays.",
            cause: e);
    }

    private static Holder? ReadHolder(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<Holder>(File.ReadAllText(path), HeadstartJson.Compact);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }

    private sealed record Holder(int ProcessId, string Host, DateTimeOffset Since);
}
