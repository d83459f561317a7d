namespace Headstart.Cache;

/// <summary>A cache's folder as one run sees it: all of it, or the files of one shard.</summary>
/// <param name="Path">The folder.</param>
/// <param name="Shard">Null for a run over all images.</param>
public sealed record CacheFolder(string Path, Shard? Shard = null)
{
    private string Suffix => CacheFileName.Suffix(Shard);

    /// <summary>The list of images that can't be used.</summary>
    public string RejectedFile => Combine($"rejected{Suffix}.csv");

    /// <summary>What is remembered of the image files, to recognise unchanged ones.</summary>
    public string DigestMemory => Combine($".image-digests{Suffix}.csv");

    internal string LockFile => Combine($".lock{Suffix}");

    // A file of its own: .NET's locks keep others from reading the locked file too.
    internal string LockHolder => Combine($".lock-holder{Suffix}.json");

    /// <summary>Held by every shard together, or by one run over everything alone.</summary>
    internal string CommonLockFile => Combine(".lock");

    /// <summary>How far the extraction has come.</summary>
    internal string RecordFile => Combine($"{ExtractionRecord.Start}{Suffix}{ExtractionRecord.End}");

    /// <summary>The parts that this run may change, in the order in which their rows are read.</summary>
    public IReadOnlyList<string> Parts => [.. AllParts().Where(IsOwn)];

    /// <summary>The parts among <see cref="Parts"/> whose digest is gone: nothing shows that they are what was written.</summary>
    public IReadOnlyList<string> PartsWithoutDigest => [.. Parts.Where(p => !File.Exists(CachePart.DigestPath(p)))];

    /// <summary>
    /// Names in the folder that look like a part, or like parts being made, and that Headstart doesn't give: copies mostly. Nobody reads or
    /// deletes them.
    /// </summary>
    public IReadOnlyList<string> Strangers =>
    [
        .. List("*").Where(f => System.IO.Path.GetFileName(f).Contains(CachePart.Extension, StringComparison.OrdinalIgnoreCase)
            && CacheFileName.Any(f) is null)
            .Concat(Folders().Where(f => !TryReplacement(f, out _))).Select(f => System.IO.Path.GetFileName(f)),
    ];

    /// <summary>
    /// A part of the folder that a run with this sharding can't have written, or null. Its rows could belong to any shard.
    /// </summary>
    public string? ForeignPart =>
        Shard is null ? null : AllParts().FirstOrDefault(p => CacheFileName.Part(p)!.Value.Shard?.Count != Shard.Count);

    /// <summary>What is to take the place of this run's parts once it is complete.</summary>
    public CacheReplacement Replacement => new(this, Combine($"{CacheReplacement.Prefix}{Suffix}"));

    internal string PartPath(int number) => Combine(CacheFileName.OfPart(Shard, number));

    /// <summary>The lowest number above those of this run's parts.</summary>
    internal int NextNumber() => Parts.Max(p => CacheFileName.Part(p)!.Value.PartNumber) + 1 ?? 0;

    internal string NextPartPath() => PartPath(NextNumber());

    /// <summary>Digests of this run whose part is not there.</summary>
    internal IReadOnlyList<string> DigestsWithoutPart() =>
        [.. List($"*{CachePart.Extension}{CachePart.DigestSuffix}").Where(
            d => IsOwn(d) && !File.Exists(d[..^CachePart.DigestSuffix.Length]))];

    /// <summary>
    /// Brings this run's files into order after a killed one: a complete replacement is put into its place, and there are no temporary
    /// files, no digest without its part, one line in each digest.
    /// </summary>
    public void CleanUp()
    {
        foreach (var replacement in Replacements().Where(r => Shard is null || r.Path == Replacement.Path))
        {
            if (replacement.IsComplete)
                replacement.PutInPlace();
            else if (replacement.Path != Replacement.Path)
                replacement.Discard();
        }

        foreach (var leftover in List("*" + AtomicFile.TemporarySuffix).Where(IsOwn).Concat(DigestsWithoutPart()).ToList())
            File.Delete(leftover);
        foreach (var part in Parts)
            CachePart.SettleDigest(part);
    }

    /// <summary>The parts of all shards; while one part takes another's place, whichever is to be read.</summary>
    private IEnumerable<string> AllParts()
    {
        var replacements = Replacements().Where(r => r.IsComplete).ToList();
        var replaced = replacements.SelectMany(r => r.Replaced).ToHashSet(StringComparer.Ordinal);
        return OwnNames().Where(p => !replaced.Contains(System.IO.Path.GetFileName(p)))
            .Concat(replacements.SelectMany(r => r.Parts))
            .OrderBy(System.IO.Path.GetFileName, StringComparer.Ordinal);
    }

    /// <summary>The part files that lie directly in the folder, of all shards.</summary>
    internal IEnumerable<string> OwnNames() => List($"*{CachePart.Extension}").Where(p => CacheFileName.Part(p) is not null);

    private IEnumerable<CacheReplacement> Replacements() =>
        Folders().Where(f => TryReplacement(f, out _)).Select(f => new CacheReplacement(this, f));

    private IEnumerable<string> Folders() =>
        Directory.Exists(Path) ? Directory.EnumerateDirectories(Path, CacheReplacement.Prefix + "*").Order(StringComparer.Ordinal) : [];

    private static bool TryReplacement(string folder, out Shard? shard) =>
        CacheFileName.TryShardBetween(System.IO.Path.GetFileName(folder), CacheReplacement.Prefix, "", out shard);

    private string Combine(string name) => System.IO.Path.Combine(Path, name);

    private IEnumerable<string> List(string pattern) =>
        Directory.Exists(Path) ? Directory.EnumerateFiles(Path, pattern).Order(StringComparer.Ordinal) : [];

    /// <summary>
    /// Whether a file is one that a run with this sharding has written; a run over everything takes over those of shards.
    /// </summary>
    private bool IsOwn(string path) => CacheFileName.Any(path) is { } name && (Shard is null || name.Shard == Shard);
}
