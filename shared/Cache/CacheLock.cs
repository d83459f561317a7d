using System.Text.Json;
using Headstart.CommandLine;

namespace Headstart.Cache;

/// <summary>Keeps a second extractor out of a cache. Held through the operating system, so it ends with its process however that ends.</summary>
public sealed class CacheLock : IDisposable
{
    private const string FileName = ".lock";

    // A file of its own: .NET's locks keep others from reading the locked file too.
    private const string HolderName = ".lock-holder.json";

    private readonly FileStream _stream;

    private CacheLock(FileStream stream) => _stream = stream;

    /// <exception cref="CommandException">Another process holds the cache (the message says which), or the folder can't be written.</exception>
    public static CacheLock Acquire(string folder, TimeProvider time)
    {
        var holderPath = Path.Combine(folder, HolderName);
        try
        {
            Directory.CreateDirectory(folder);
            var stream = new FileStream(Path.Combine(folder, FileName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            var holder = new Holder(Environment.ProcessId, Environment.MachineName, time.GetUtcNow());
            AtomicFile.WriteText(holderPath, JsonSerializer.Serialize(holder, HeadstartJson.Compact));
            return new CacheLock(stream);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new CommandException($"Can't write into {folder}: {e.Message} Choose another --out.", cause: e);
        }
        catch (IOException e)
        {
            var holder = ReadHolder(holderPath);
            throw new CommandException(holder is null
                ? $"Can't write into {folder}: {e.Message} Choose another --out."
                : $"{folder} is in use by process {holder.ProcessId} on {holder.Host} since {holder.Since:yyyy-MM-dd HH:mm:ss} UTC. Wait for it, or end it; what it has written stays.", cause: e);
        }
    }

    /// <summary>Lets go. The files stay: deleting one that another process is just opening would let two processes hold the cache.</summary>
    public void Dispose() => _stream.Dispose();

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
