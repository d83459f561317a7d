using System.Globalization;

namespace Headstart.Cache;

/// <summary>Whether a cache holds every image that it was to hold.</summary>
/// <param name="Complete">Null where it is not known: the cache was made before this was recorded, or a record is gone.</param>
/// <param name="Images">That the records speak of; null where there is none.</param>
/// <param name="Done">Those of them that have all their rows.</param>
/// <param name="Rejected">Those that can't be used, as far as finished runs have said.</param>
/// <param name="MissingShards">Shards of which there is neither a part nor a record.</param>
/// <param name="Words">One line, without a full stop: what is so, and what to do.</param>
public sealed record CacheCompleteness(bool? Complete, int? Images, int? Done, int Rejected, IReadOnlyList<int> MissingShards, string Words)
{
    private const string GoOn = "run extract again to go on";

    /// <param name="folder">The cache.</param>
    /// <param name="rows">All of its rows, each with the part that it is in.</param>
    /// <param name="layers">The layers that all parts have.</param>
    internal static CacheCompleteness Of(string folder, IEnumerable<(string Part, CacheRow Row)> rows, IReadOnlyCollection<string> layers)
    {
        var records = ExtractionRecord.All(folder);
        var whole = records.ContainsKey("");
        var shards = rows.GroupBy(
            r => whole ? "" : CacheFileName.Suffix(CacheFileName.Part(r.Part)?.Shard), r => r.Row, StringComparer.Ordinal)
            .ToDictionary(g => g.Key, g => new ShardRows([.. g]), StringComparer.Ordinal);
        if (records.Count == 0)
            return Unknown("not known whether it is complete: it was made before that was recorded; extract again to find out, nothing " +
                "is computed twice");
        if (whole)
            return OfOne(folder, records[""].Record, shards.GetValueOrDefault("", ShardRows.None), layers);
        return OfShards(folder, records, shards, layers);
    }

    private static CacheCompleteness OfOne(string folder, ExtractionRecord? record, ShardRows rows, IReadOnlyCollection<string> layers)
    {
        if (record is null)
            return Unknown("not known whether it is complete: its record can't be read; extract again, nothing is computed twice");
        var done = Math.Min(rows.Images(record.Views), record.Images);
        return Lack(record, rows, layers) is { } lack
            ? new CacheCompleteness(false, record.Images, done, record.Rejected, [],
                $"incomplete: {lack}; " + (record.MaxRejected is null ? GoOn : $"{Path.Combine(folder, "rejected.csv")} says why"))
            : new CacheCompleteness(
                true, record.Images, done, record.Rejected, [], $"complete: {Count(record.Images)}{Rejections(record.Rejected)}");
    }

    private static CacheCompleteness OfShards(
        string folder, IReadOnlyDictionary<string, (Shard? Shard, ExtractionRecord? Record)> records, Dictionary<string, ShardRows> rows,
        IReadOnlyCollection<string> layers)
    {
        var count = records.Values.Max(r => r.Shard!.Count);
        var (missing, unknown, lacks) = (new List<int>(), new List<int>(), new List<string>());
        var (images, done, rejected, tooMany) = (0, 0, 0, false);
        for (var i = 0; i < count; i++)
        {
            var suffix = CacheFileName.Suffix(new Shard(i, count));
            var ofShard = rows.GetValueOrDefault(suffix, ShardRows.None);
            if (!records.TryGetValue(suffix, out var found) || found.Record is not { } record)
            {
                (ofShard.Count > 0 || found.Shard is not null ? unknown : missing).Add(i);
                continue;
            }

            images += record.Images;
            done += Math.Min(ofShard.Images(record.Views), record.Images);
            rejected += record.Rejected;
            tooMany |= record.MaxRejected is not null;
            if (Lack(record, ofShard, layers) is { } lack)
                lacks.Add($"shard {i} of {count}: {lack}");
        }

        var problems = new List<string>();
        if (missing.Count > 0)
            problems.Add($"{Named(missing, count)} not there");
        problems.AddRange(lacks);
        if (problems.Count > 0)
        {
            var what = tooMany
                ? $"{Path.Combine(folder, "rejected-I-of-N.csv")} says why"
                : $"run extract for {(missing.Count + lacks.Count > 1 ? "them" : "it")} again to go on";
            return new CacheCompleteness(false, images, done, rejected, missing, $"incomplete: {string.Join(", ", problems)}; {what}");
        }

        return unknown.Count > 0
            ? new CacheCompleteness(null, images, done, rejected, [],
                $"not known whether it is complete: {Named(unknown, count)} without a record; extract again, nothing is computed twice")
            : new CacheCompleteness(true, images, done, rejected, [], $"complete: {Count(images)} in {count} shards{Rejections(rejected)}");
    }

    /// <summary>What rows lack of what a record says; null for nothing.</summary>
    private static string? Lack(ExtractionRecord record, ShardRows rows, IReadOnlyCollection<string> layers)
    {
        var done = rows.Images(record.Views);
        if (record.MaxRejected is { } limit)
            return string.Create(CultureInfo.InvariantCulture,
                $"{record.Rejected:N0} of {Count(record.Images)} were rejected, more than --max-rejected {limit}");
        if (record.Complete ? rows.Count < record.Rows : done < record.Images)
            return $"{done:N0} of " +
                $"{Count(record.Images)}{(record.Views > 0 ? $" with {record.Views:N0} views each" : "")}" +
                $"{(record.Complete ? Rejections(record.Rejected) : "")}";
        if (record is { Complete: true, Names: { } names } && rows.Count > 0 && names != rows.Names)
            return "it has other images than those that extract left there";
        if (record.Layers.Except(layers).ToList() is { Count: > 0 } absent)
            return $"{string.Join(", ", absent)} not in all rows";
        return record.Complete ? null : $"the run over {Count(record.Images)} did not end";
    }

    private static CacheCompleteness Unknown(string words) => new(null, null, null, 0, [], words);

    private static string Count(int images) => images == 1 ? "1 image" : $"{images:N0} images";

    private static string Rejections(int rejected) => rejected == 0 ? "" : $", {rejected:N0} rejected";

    private static string Named(List<int> shards, int count)
    {
        var shown =
            shards.Count > 10 ? [.. shards.Take(10).Select(s => $"{s}"), $"{shards.Count - 10} more"] : shards.Select(s => $"{s}").ToList();
        return shards.Count == 1
            ? $"shard {shown[0]} of {count} is"
            : $"shards {string.Join(", ", shown.SkipLast(1))} and {shown[^1]} of {count} are";
    }

    /// <summary>The rows under one record, each image and view once.</summary>
    private sealed class ShardRows(IReadOnlyCollection<CacheRow> rows)
    {
        public static readonly ShardRows None = new([]);

        private readonly Dictionary<string, int> _views = rows.Select(r => (r.Path, r.View)).Distinct()
            .GroupBy(r => r.Path, StringComparer.Ordinal)
            .ToDictionary(g => g.Key, g => g.Count(), StringComparer.Ordinal);

        public int Count => _views.Values.Sum();

        /// <summary>As <see cref="ExtractionRecord.Names"/>.</summary>
        public string Names => ExtractionRecord.NamesOf(rows);

        /// <summary>The images that have so many augmented views, and the plain one.</summary>
        public int Images(int views) => _views.Values.Count(v => v > views);
    }
}
