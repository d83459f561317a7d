using Headstart.Cache;

namespace Headstart.Trainer.Runs;

/// <summary>Which parts a cache has, and what is in them: the digests that lie beside them.</summary>
/// <param name="Parts">A part's file name to its digest.</param>
internal sealed record CacheState(IReadOnlyDictionary<string, string> Parts)
{
    private const string DigestSuffix = ".sha256";

    /// <summary>As it is now. Cheap: nothing is computed.</summary>
    /// <exception cref="CommandException">The folder can't be read.</exception>
    public static CacheState Of(string folder)
    {
        try
        {
            return new CacheState(new CacheFolder(folder).Parts.ToDictionary(p => Path.GetFileName(p), Digest, StringComparer.Ordinal));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"Can't read {folder}: {e.Message}", cause: e);
        }
    }

    /// <summary>
    /// What differs from how it was then, as the end of a sentence: <c>part-00003.parquet is new</c>. Null when nothing does.
    /// </summary>
    public string? ChangeSince(CacheState earlier)
    {
        foreach (var (part, digest) in Parts)
        {
            if (!earlier.Parts.TryGetValue(part, out var before))
                return $"{part} is new";
            if (before != digest)
                return $"{part} has other content";
        }

        return earlier.Parts.Keys.FirstOrDefault(p => !Parts.ContainsKey(p)) is { } gone ? $"{gone} is gone" : null;
    }

    private static string Digest(string part) =>
        File.Exists(part + DigestSuffix) ? File.ReadAllText(part + DigestSuffix).Split(' ')[0] : "";
}

/// <summary>The state of all caches that a run or a sweep reads.</summary>
/// <param name="Folders">Those that train, in their order, and then the one that validates, where it is another.</param>
/// <param name="Caches">Those that train, in the same order.</param>
/// <param name="Validation">Null where they validate too.</param>
internal sealed record CachesState(IReadOnlyList<string> Folders, IReadOnlyList<CacheState> Caches, CacheState? Validation)
{
    /// <exception cref="CommandException">A folder can't be read.</exception>
    public static CachesState Of(IReadOnlyList<string> caches, string? validation) => new(
        validation is null ? caches : [.. caches, validation],
        [.. caches.Select(CacheState.Of)],
        validation is null ? null : CacheState.Of(validation));

    /// <summary>The same folders, as they are now.</summary>
    /// <exception cref="CommandException">A folder can't be read.</exception>
    public CachesState Now() => Of([.. Folders.Take(Caches.Count)], Validation is null ? null : Folders[^1]);

    /// <summary>Holds what was begun to the caches that it was begun with.</summary>
    /// <param name="caches">What was in those that train.</param>
    /// <param name="validation">What was in the other one; null where there was none.</param>
    /// <param name="made">What was begun, for the message: <c>the run in OUT</c>.</param>
    /// <param name="verb">What to do again: <c>train</c>.</param>
    /// <exception cref="CommandException">One has changed.</exception>
    public void RequireSame(IReadOnlyList<CacheState> caches, CacheState? validation, string made, string verb)
    {
        foreach (var (folder, (before, now)) in Folders.Zip(caches.Zip(Caches)))
            Require(folder, now.ChangeSince(before));
        if (Validation is not null && validation is not null)
            Require(Folders[^1], Validation.ChangeSince(validation));

        void Require(string folder, string? change)
        {
            if (change is not null)
            {
                throw new CommandException($"{folder} is not what it was when {made} began: {change}. " +
                    $"Wait until nothing writes to it, then {verb} into another --out, or delete that folder first.");
            }
        }
    }
}
