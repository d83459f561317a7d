using System.Globalization;

namespace Headstart.Cache;

/// <summary>A cache's folder as one run sees it: all of it, or the files of one shard.</summary>
/// <param name="Path">The folder.</param>
/// <param name="Shard">Null for a run over all images.</param>
public sealed record CacheFolder(string Path, Shard? Shard = null)
{
    private string Suffix => Shard is null ? "" : $"-{Shard.Name}";

    /// <summary>The list of images that can't be used.</summary>
    public string RejectedFile => Combine($"rejected{Suffix}.csv");

    /// <summary>What is remembered of the image files, to recognise unchanged ones.</summary>
    public string DigestMemory => Combine($".image-digests{Suffix}.csv");

    internal string LockFile => Combine($".lock{Suffix}");

    // A file of its own: .NET's locks keep others from reading the locked file too.
    internal string LockHolder => Combine($".lock-holder{Suffix}.json");

    /// <summary>Held by every shard together, or by one run over everything alone.</summary>
    internal string CommonLockFile => Combine(".lock");

    /// <summary>The parts that this run may change, in the order in which their rows are read.</summary>
    public IReadOnlyList<string> Parts => [.. AllParts().Where(IsOwn)];

    /// <summary>A part of the folder that a run with this sharding can't have written, or null. Its rows could belong to any shard.</summary>
    public string? ForeignPart => Shard is null
        ? null
        : AllParts().FirstOrDefault(p => !System.IO.Path.GetFileName(p).Contains($"-of-{Shard.Count}-", StringComparison.Ordinal));

    /// <summary>What is to take the place of this run's parts once it is complete.</summary>
    public CacheReplacement Replacement => new(this, Combine($"{CacheReplacement.Prefix}{Suffix}"));

    internal string PartPath(int number) => Combine(string.Create(CultureInfo.InvariantCulture, $"part{Suffix}-{number:D5}{CachePart.Extension}"));

    /// <summary>The lowest number above those of this run's parts.</summary>
    internal int NextNumber()
    {
        var next = 0;
        foreach (var path in Parts)
        {
            var name = System.IO.Path.GetFileNameWithoutExtension(path.AsSpan());
            if (int.TryParse(name[(name.LastIndexOf('-') + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var number))
                next = Math.Max(next, number + 1);
        }

        return next;
    }

    /// <summary>Digests of this run whose part is not there.</summary>
    internal IReadOnlyList<string> DigestsWithoutPart() =>
        [.. List($"*{CachePart.Extension}{CachePart.DigestSuffix}").Where(d => IsOwn(d) && !File.Exists(d[..^CachePart.DigestSuffix.Length]))];

    /// <summary>
    /// Brings this run's files into order after a killed one: a complete replacement is put into its place, and there are no temporary files, no digest without its
    /// part, one line in each digest.
    /// </summary>
    public void CleanUp()
    {
        foreach (var replacement in Replacements().Where(r => IsOwn(r.Path)))
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
        return List($"*{CachePart.Extension}").Where(p => !replaced.Contains(System.IO.Path.GetFileName(p)))
            .Concat(replacements.SelectMany(r => r.Parts))
            .OrderBy(System.IO.Path.GetFileName, StringComparer.Ordinal);
    }

    private IEnumerable<CacheReplacement> Replacements() => Directory.Exists(Path)
        ? Directory.EnumerateDirectories(Path, CacheReplacement.Prefix + "*").Order(StringComparer.Ordinal).Select(d => new CacheReplacement(this, d))
        : [];

    private string Combine(string name) => System.IO.Path.Combine(Path, name);

    private IEnumerable<string> List(string pattern) =>
        Directory.Exists(Path) ? Directory.EnumerateFiles(Path, pattern).Order(StringComparer.Ordinal) : [];

    private bool IsOwn(string path)
    {
        var name = System.IO.Path.GetFileName(path);
        return Shard is null || name.Contains($"{Suffix}-", StringComparison.Ordinal) || name.Contains($"{Suffix}.", StringComparison.Ordinal) ||
            name.EndsWith(Suffix, StringComparison.Ordinal);
    }
}
