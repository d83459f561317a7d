using System.Globalization;

namespace Headstart.Cache;

/// <summary>
/// A name that Headstart gives to a file of a cache. Whatever else lies in the folder (a backup, a sync client's copy) is somebody else's
/// and is left alone.
/// </summary>
/// <param name="Shard">Whose it is; null for that of a run over everything.</param>
/// <param name="PartNumber">Of a part; null for any other file.</param>
internal readonly record struct CacheFileName(Shard? Shard, int? PartNumber)
{
    // The name's beginning and its end; between them the shard.
    private static readonly (string Start, string End)[] Others =
        [("rejected", ".csv"), (".image-digests", ".csv"), (".lock", ""), (".lock-holder", ".json"),
            (ExtractionRecord.Start, ExtractionRecord.End)];

    private static readonly string[] Attached =
        ["", CachePart.DigestSuffix, AtomicFile.TemporarySuffix, CachePart.DigestSuffix + AtomicFile.TemporarySuffix];

    /// <summary>The name of a part.</summary>
    public static string OfPart(Shard? shard, int number) =>
        string.Create(CultureInfo.InvariantCulture, $"part{Suffix(shard)}-{number:D5}{CachePart.Extension}");

    /// <summary>What stands in the names of a shard's files, <c>-2-of-4</c>; nothing for a run over everything.</summary>
    public static string Suffix(Shard? shard) => shard is null ? "" : $"-{shard.Name}";

    /// <summary>Reads the name of a part, as the writer gives it to the letter.</summary>
    public static CacheFileName? Part(string path)
    {
        var name = Path.GetFileName(path);
        if (!name.StartsWith("part-", StringComparison.Ordinal) || !name.EndsWith(CachePart.Extension, StringComparison.Ordinal))
            return null;
        var body = name[4..^CachePart.Extension.Length];
        var dash = body.LastIndexOf('-');
        if (!TryShard(body[..dash], out var shard)
            || !int.TryParse(body[(dash + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            return null;
        return OfPart(shard, number) == name ? new CacheFileName(shard, number) : null;
    }

    /// <summary>
    /// Reads any name: of a part, of its digest, of a list, and of each of these while it is being written (<c>.tmp</c>).
    /// </summary>
    public static CacheFileName? Any(string path)
    {
        var name = Path.GetFileName(path);
        foreach (var attached in Attached.Where(a => name.EndsWith(a, StringComparison.Ordinal)))
        {
            if (Part(name[..^attached.Length]) is { } part)
                return part;
        }

        if (name.EndsWith(AtomicFile.TemporarySuffix, StringComparison.Ordinal))
            name = name[..^AtomicFile.TemporarySuffix.Length];
        foreach (var (start, end) in Others)
        {
            if (TryShardBetween(name, start, end, out var shard))
                return new CacheFileName(shard, null);
        }

        return null;
    }

    /// <summary>Reads the shard in a name that is otherwise given.</summary>
    public static bool TryShardBetween(string name, string start, string end, out Shard? shard)
    {
        shard = null;
        return name.Length >= start.Length + end.Length &&
            name.StartsWith(start, StringComparison.Ordinal) && name.EndsWith(end, StringComparison.Ordinal) &&
            TryShard(name[start.Length..^end.Length], out shard);
    }

    private static bool TryShard(string text, out Shard? shard)
    {
        shard = null;
        if (text.Length == 0)
            return true;
        if (text.Split('-') is not ["", var index, "of", var count] ||
            !int.TryParse(index, NumberStyles.None, CultureInfo.InvariantCulture, out var i) ||
            !int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var n) || i >= n)
            return false;
        shard = new Shard(i, n);
        return Suffix(shard) == text;
    }
}
