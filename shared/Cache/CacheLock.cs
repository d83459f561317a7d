using System.Text.Json;
using Headstart.CommandLine;

namespace Headstart.Cache;

/// <summary>Keeps a second extractor out of a cache. Held through the operating system, so it ends with its process however that ends.</summary>
public sealed class CacheLock : IDisposable
{
    private const string FileName = ".lock";

    private readonly FileStream stream;

    private CacheLock(FileStream stream) => this.stream = stream;

    /// <exception cref="CommandException">Another process holds the cache (the message says which), or the folder can't be written.</exception>
    public static CacheLock Acquire(string folder, TimeProvider time)
    {
        var path = Path.Combine(folder, FileName);
        try
        {
            Directory.CreateDirectory(folder);
            var stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            stream.SetLength(0);
            JsonSerializer.Serialize(stream, new Holder(Environment.ProcessId, Environment.MachineName, time.GetUtcNow()), HeadstartJson.Compact);
            stream.Flush();
            return new CacheLock(stream);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new CommandException($"Can't write into {folder}: {e.Message} Choose another --out.", cause: e);
        }
        catch (IOException e)
        {
            var holder = ReadHolder(path);
            throw new CommandException(holder is null
                ? $"Can't write into {folder}: {e.Message} Choose another --out."
                : $"{folder} is in use by process {holder.ProcessId} on {holder.Host} since {holder.Since:yyyy-MM-dd HH:mm:ss} UTC. Wait for it, or end it; what it has written stays.", cause: e);
        }
    }

    public void Dispose()
    {
        // Emptied, not deleted: deleting would let a third process lock a file that the second is waiting for.
        stream.SetLength(0);
        stream.Dispose();
    }

    private static Holder? ReadHolder(string path)
    {
        try
        {
            using var reader = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            return JsonSerializer.Deserialize<Holder>(reader, HeadstartJson.Compact);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }

    private sealed record Holder(int ProcessId, string Host, DateTimeOffset Since);
}
