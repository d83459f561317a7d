using System.Text.Json;
using Headstart.CommandLine;

namespace Headstart.Cache;

/// <summary>Parts that are being made to take the place of others, all at once: how a cache gets another column.</summary>
/// <remarks>
/// They lie in a folder of their own inside the cache, whose name begins with a dot, so that nobody reads them. When all are there, a list of the parts that they
/// replace is written, and from that moment they are the cache's parts: readers take them from where they are and pass over the replaced ones. What is left to do (delete
/// the replaced, move the new) may be interrupted anywhere and is finished by the next run.
/// </remarks>
public sealed class CacheReplacement
{
    internal const string Prefix = ".adding";

    private readonly CacheFolder _cache;

    internal CacheReplacement(CacheFolder cache, string path)
    {
        _cache = cache;
        Path = path;
    }

    /// <summary>Its folder; need not be there.</summary>
    public string Path { get; }

    /// <summary>Its parts as a cache of their own, to add rows to and to see which are there already.</summary>
    public CacheFolder Folder => new(Path, _cache.Shard);

    internal bool IsComplete => File.Exists(ReplacedList);

    /// <summary>File names of the parts that are no longer the cache's; only when complete.</summary>
    internal IReadOnlyList<string> Replaced
    {
        get
        {
            try
            {
                return JsonSerializer.Deserialize<List<string>>(File.ReadAllText(ReplacedList), HeadstartJson.Compact)!;
            }
            catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
            {
                // It has just been put in place.
                return [];
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
            {
                throw new CommandException($"{ReplacedList} can't be read: {e.Message} It lists the parts of {_cache.Path} that were replaced. Extract into a new folder with --out NEW.", cause: e);
            }
        }
    }

    internal IReadOnlyList<string> Parts => Directory.Exists(Path)
        ? [.. Directory.EnumerateFiles(Path, $"*{CachePart.Extension}").Order(StringComparer.Ordinal)]
        : [];

    private string ReplacedList => System.IO.Path.Combine(Path, "replaces.json");

    /// <summary>A writer of its parts, under names that the cache doesn't have.</summary>
    public CacheWriter CreateWriter(CacheContract contract, TimeProvider time) => new(Folder, contract, time, _cache.NextNumber());

    /// <summary>Makes its parts the cache's, in place of those that the cache has now.</summary>
    /// <exception cref="CommandException">A file can't be written; the next run finishes.</exception>
    public void Complete()
    {
        AtomicFile.WriteText(ReplacedList, JsonSerializer.Serialize(_cache.Parts.Select(System.IO.Path.GetFileName), HeadstartJson.Compact));
        PutInPlace();
    }

    /// <summary>Deletes what is there of it.</summary>
    public void Discard() => Changing(() =>
    {
        if (Directory.Exists(Path))
            Directory.Delete(Path, recursive: true);
    });

    internal void PutInPlace() => Changing(() =>
    {
        foreach (var name in Replaced)
            CachePart.Delete(System.IO.Path.Combine(_cache.Path, name));
        foreach (var part in Parts)
        {
            // The digest is there before the part, in both places for a moment: a reader may have found the part here.
            var target = System.IO.Path.Combine(_cache.Path, System.IO.Path.GetFileName(part));
            AtomicFile.WriteText(CachePart.DigestPath(target), File.ReadAllText(CachePart.DigestPath(part)));
            File.Move(part, target, overwrite: true);
        }

        Directory.Delete(Path, recursive: true);
    });

    private void Changing(Action change)
    {
        try
        {
            change();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"Can't change {_cache.Path}: {e.Message} Extract again when it can be written; nothing is lost.", cause: e);
        }
    }
}
