using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Headstart.Cache;

/// <summary>
/// What <c>extract</c> notes beside a cache: how many images it is to hold, and whether the run has dealt with every one of them.
/// </summary>
/// <remarks>
/// One file for each shard. It says "not complete" before a run's first change and "complete" after its last one, so that a killed run
/// never leaves the latter.
/// </remarks>
public sealed record ExtractionRecord
{
    internal const string Start = ".extraction";
    internal const string End = ".json";

    /// <summary>Every image has its rows, or is listed as rejected.</summary>
    public required bool Complete { get; init; }

    /// <summary>The images that the run was given.</summary>
    public required int Images { get; init; }

    /// <summary>Those that can't be used; of a finished run only.</summary>
    public int Rejected { get; init; }

    /// <summary>Rows of different images or views that the cache held at the end; of a finished run only.</summary>
    public int Rows { get; init; }

    /// <summary>
    /// A digest of the names of the images that have rows, of a finished run only: as many rows of other images don't make the cache whole.
    /// Null in records of an earlier version.
    /// </summary>
    public string? Names { get; init; }

    /// <summary>The limit, in percent, that <see cref="Rejected"/> was above: such a run has failed, and is not complete.</summary>
    public double? MaxRejected { get; init; }

    /// <summary>Augmented views of each image.</summary>
    public required int Views { get; init; }

    /// <summary>The layers that each row was to get.</summary>
    public required IReadOnlyList<string> Layers { get; init; }

    /// <summary>Puts it beside the cache; from now on it counts, and no record of another sharding.</summary>
    /// <exception cref="CommandException">It can't be written.</exception>
    public void Write(CacheFolder folder)
    {
        AtomicFile.WriteText(folder.RecordFile, JsonSerializer.Serialize(this, HeadstartJson.Compact) + "\n");
        foreach (var (shard, file) in Files(folder.Path))
        {
            if (folder.Shard is null != shard is null)
                File.Delete(file);
        }
    }

    /// <summary>The record of a run over everything, or those of shards; null stands for one that can't be read.</summary>
    internal static IReadOnlyDictionary<string, (Shard? Shard, ExtractionRecord? Record)> All(string folder)
    {
        var found = Files(folder).ToDictionary(f => CacheFileName.Suffix(f.Shard), f => (f.Shard, TryRead(f.File)), StringComparer.Ordinal);
        return found.TryGetValue("", out var whole)
            ? new Dictionary<string, (Shard?, ExtractionRecord?)>(StringComparer.Ordinal) { [""] = whole }
            : found;
    }

    /// <summary>The value of <see cref="Names"/> for rows, whatever their order, views and parts.</summary>
    public static string NamesOf(IEnumerable<CacheRow> rows) => Convert.ToHexStringLower(SHA256.HashData(
        Encoding.UTF8.GetBytes(
            string.Join('\n', rows.Select(r => r.Path).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)))));

    private static IEnumerable<(Shard? Shard, string File)> Files(string folder)
    {
        if (!Directory.Exists(folder))
            yield break;
        foreach (var file in Directory.GetFiles(folder, $"{Start}*{End}"))
        {
            if (CacheFileName.TryShardBetween(Path.GetFileName(file), Start, End, out var shard))
                yield return (shard, file);
        }
    }

    private static ExtractionRecord? TryRead(string file)
    {
        try
        {
            return JsonSerializer.Deserialize<ExtractionRecord>(File.ReadAllText(file), HeadstartJson.Compact);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }
}
