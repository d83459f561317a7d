using System.Security.Cryptography;
using System.Text.Json;
using Headstart.Extraction.Import;

namespace Headstart.Extraction.Shelf;

/// <summary>What the bytes of a partial file are a part of.</summary>
/// <param name="Validator">See <see cref="RemoteBody.Validator"/>.</param>
/// <param name="Total">The size of the server's whole file, where it says.</param>
internal sealed record PartialOrigin(string Address, string? Validator = null, long? Total = null);

/// <summary>
/// A file that is being fetched, under the name <c>FILE.partial</c> until it is whole. Hashed as it grows; one process at a time.
/// </summary>
internal sealed class PartialFile : IDisposable
{
    private readonly FileStream _stream;
    private readonly string _originPath;
    private readonly IncrementalHash _sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly IncrementalHash _md5 = IncrementalHash.CreateHash(HashAlgorithmName.MD5);

    private PartialFile(FileStream stream, string originPath)
    {
        _stream = stream;
        _originPath = originPath;
    }

    /// <summary>Null where nothing is there that could be gone on with.</summary>
    public PartialOrigin? Origin { get; private set; }

    public long Length => _stream.Length;

    public static string PathFor(string target) => $"{target}.partial";

    /// <param name="target">The file's final name.</param>
    /// <exception cref="CommandException">The folder can't be written, or another process fetches the same file.</exception>
    public static PartialFile Open(string target)
    {
        var path = PathFor(target);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            var stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            var partial = new PartialFile(stream, OriginPath(target));
            partial.Origin = stream.Length > 0 ? partial.ReadOrigin() : null;
            return partial;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"Can't write {path}: {e.Message} If another 'model fetch' runs, wait for it; if not, " +
                $"choose another folder with the variable {ShelfFolder.Variable}.", cause: e);
        }
    }

    /// <summary>Throws away what is there, and begins a part of something else.</summary>
    public void Restart(PartialOrigin origin)
    {
        Writing(() =>
        {
            _stream.SetLength(0);
            _sha256.GetHashAndReset();
            _md5.GetHashAndReset();
            AtomicFile.WriteText(_originPath, JsonSerializer.Serialize(origin, HeadstartJson.Compact));
            Origin = origin;
        });
    }

    /// <summary>Goes on after what is there, which is hashed first.</summary>
    public void Resume()
    {
        Writing(() =>
        {
            _stream.Position = 0;
            var buffer = new byte[1 << 20];
            while (_stream.Read(buffer) is > 0 and var count)
                Hash(buffer.AsSpan(0, count));
        });
    }

    /// <exception cref="CommandException">The disk is full, or the like; what was written stays.</exception>
    public void Append(ReadOnlyMemory<byte> bytes)
    {
        Writing(() => _stream.Write(bytes.Span));
        Hash(bytes.Span);
    }

    /// <summary>Of all bytes, in lower-case hex. Ends the hashing.</summary>
    public FileDigests Complete()
    {
        Writing(() => _stream.Flush(flushToDisk: true));
        return new FileDigests(Convert.ToHexStringLower(_sha256.GetHashAndReset()), Convert.ToHexStringLower(_md5.GetHashAndReset()));
    }

    /// <summary>Gives the file its final name; the last step, after every check.</summary>
    public static void Land(string target)
    {
        File.Move(PathFor(target), target, overwrite: true);
        File.Delete(OriginPath(target));
    }

    public static void Discard(string target)
    {
        File.Delete(PathFor(target));
        File.Delete(OriginPath(target));
    }

    /// <summary>How much of a file is there to go on with, in bytes.</summary>
    public static long Kept(string target) => new FileInfo(PathFor(target)) is { Exists: true } file ? file.Length : 0;

    public void Dispose()
    {
        _stream.Dispose();
        _sha256.Dispose();
        _md5.Dispose();
    }

    private static string OriginPath(string target) => $"{PathFor(target)}.json";

    private void Hash(ReadOnlySpan<byte> bytes)
    {
        _sha256.AppendData(bytes);
        _md5.AppendData(bytes);
    }

    private PartialOrigin? ReadOrigin()
    {
        try
        {
            return JsonSerializer.Deserialize<PartialOrigin>(File.ReadAllText(_originPath), HeadstartJson.Compact);
        }
        catch (Exception e) when (e is IOException or JsonException)
        {
            // Bytes of unknown origin can't be gone on with.
            return null;
        }
    }

    private void Writing(Action action)
    {
        try
        {
            action();
        }
        catch (IOException e)
        {
            throw new CommandException(
                $"Can't write {_stream.Name}: {e.Message} Make room, or choose another folder with the variable {ShelfFolder.Variable}; " +
                "then run the same command again.", cause: e);
        }
    }
}
