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

    private static string Digest(string part) => File.Exists(part + DigestSuffix) ? File.ReadAllText(part + DigestSuffix).Split(' ')[0] : "";
}

/// <summary>The state of all caches that a run reads.</summary>
/// <param name="Caches">Those that train, in their order.</param>
/// <param name="Validation">Null where they validate too.</param>
internal sealed record CachesState(IReadOnlyList<CacheState> Caches, CacheState? Validation)
{
    /// <exception cref="CommandException">A folder can't be read.</exception>
    public static CachesState Of(IReadOnlyList<string> caches, string? validation) =>
        new([.. caches.Select(CacheState.Of)], validation is null ? null : CacheState.Of(validation));
}
