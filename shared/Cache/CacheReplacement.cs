using System.Text.Json;

namespace Headstart.Cache;

/// <summary>Parts that are being made to take the place of others, all at once: how a cache gets another column.</summary>
/// <remarks>
/// They lie in a folder of their own inside the cache, whose name begins with a dot, so that nobody reads them. When all are there, a list
/// of the parts that they replace is written, and from that moment they are the cache's parts: readers take them from where they are and
/// pass over the replaced ones. What is left to do (delete the replaced, move the new) may be interrupted anywhere and is finished by the
/// next run.
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
                throw new CommandException(
                    $"{ReplacedList} can't be read: {e.Message} It lists the parts of {_cache.Path} that were replaced. Extract into a " +
                    "new folder with --out NEW.",
                    cause: e);
            }
        }
    }

    internal IReadOnlyList<string> Parts => [.. new CacheFolder(Path).OwnNames()];

    private string ReplacedList => System.IO.Path.Combine(Path, "replaces.json");

    /// <summary>A writer of its parts, under names that the cache doesn't have.</summary>
    public CacheWriter CreateWriter(CacheContract contract, TimeProvider time) => new(Folder, contract, time, _cache.NextNumber());

    /// <summary>
    /// Brings what a killed run has left into order: a part that is not whole goes (its rows are still the cache's), and one whose name the
    /// cache has got meanwhile gets another.
    /// </summary>
    /// <exception cref="CommandException">A file can't be changed.</exception>
    public void CleanUp()
    {
        Folder.CleanUp();
        Changing(() =>
        {
            foreach (var part in Parts)
            {
                if (!CachePart.IsWhole(part))
                    CachePart.Delete(part);
                else if (File.Exists(System.IO.Path.Combine(_cache.Path, System.IO.Path.GetFileName(part))))
                    CachePart.Rename(part, Folder.PartPath(Math.Max(_cache.NextNumber(), Folder.NextNumber())));
            }
        });
    }

    /// <summary>Makes its parts the cache's, in place of those that it was made from.</summary>
    /// <param name="replaced">Parts of the cache; each of their rows is in a part of this.</param>
    /// <exception cref="CommandException">A row isn't, or a part is not whole, and the cache stays as it is; or a file can't be written:
    /// the next run finishes.</exception>
    public void Complete(IReadOnlyCollection<string> replaced)
    {
        var there = RowsThatAreThere();
        if (replaced.FirstOrDefault(p => !IsReplaced(p, there)) is { } missing)
        {
            throw new CommandException($"Not all rows of {missing} are in {Path}, where they were written anew: the disk gives back " +
                "something else than was written. " +
                "Nothing was deleted. Extract again, or into a new folder with --out NEW.");
        }

        AtomicFile.WriteText(ReplacedList, JsonSerializer.Serialize(replaced.Select(System.IO.Path.GetFileName), HeadstartJson.Compact));
        PutInPlace(there);
    }

    /// <summary>Deletes what is there of it; what Headstart didn't write stays.</summary>
    public void Discard() => Changing(() =>
    {
        if (!Directory.Exists(Path))
            return;
        File.Delete(ReplacedList);
        foreach (var file in Directory.EnumerateFiles(Path)
            .Where(f => CacheFileName.Any(f) is not null || f == ReplacedList + AtomicFile.TemporarySuffix).ToList())
            File.Delete(file);
        if (!Directory.EnumerateFileSystemEntries(Path).Any())
            Directory.Delete(Path);
    });

    /// <summary>Finishes what a killed run began. A replaced part with a row that is nowhere else stays the cache's.</summary>
    internal void PutInPlace() => PutInPlace(RowsThatAreThere());

    private void PutInPlace(HashSet<CacheRow> there) => Changing(() =>
    {
        foreach (var name in Replaced)
        {
            // A name in the list comes from outside: only a part that lies in the cache itself is meant.
            var part = System.IO.Path.Combine(_cache.Path, System.IO.Path.GetFileName(name));
            if (CacheFileName.Part(part) is not null && IsReplaced(part, there))
                CachePart.Delete(part);
        }

        foreach (var part in Parts)
        {
            // The digest is there before the part, in both places for a moment: a reader may have found the part here.
            if (File.Exists(CachePart.DigestPath(part)))
                CachePart.Rename(part, FreeName(part));
        }

        // What has no digest is not the cache's.
        File.Delete(ReplacedList);
        if (Parts.Count == 0)
            Discard();
    });

    private string FreeName(string part)
    {
        var target = System.IO.Path.Combine(_cache.Path, System.IO.Path.GetFileName(part));
        return File.Exists(target) ? (_cache with { Shard = CacheFileName.Part(part)!.Value.Shard }).NextPartPath() : target;
    }

    /// <summary>The rows of this replacement's whole parts, those among them that are in their place already.</summary>
    private HashSet<CacheRow> RowsThatAreThere()
    {
        var replaced = Replaced.ToHashSet(StringComparer.Ordinal);
        var moved = IsComplete ? _cache.OwnNames().Where(p => !replaced.Contains(System.IO.Path.GetFileName(p))) : [];
        return [.. Parts.Concat(moved).SelectMany(p => CachePart.TryReadRows(p, check: true) ?? [])];
    }

    /// <summary>Whether a part has no row but those; also when it is gone.</summary>
    private static bool IsReplaced(string part, HashSet<CacheRow> there) =>
        !File.Exists(part) || CachePart.TryReadRows(part, check: false) is { } rows && rows.All(there.Contains);

    private void Changing(Action change)
    {
        try
        {
            change();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(
                $"Can't change {_cache.Path}: {e.Message} Extract again when it can be written; nothing is lost.", cause: e);
        }
    }
}
