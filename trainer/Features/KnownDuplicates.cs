using System.Globalization;
using CsvHelper;
using Headstart.Cache;

namespace Headstart.Trainer.Features;

/// <summary>
/// The near duplicates that an audit found, left in the cache so that <c>train</c> can warn: finding them anew for every head would take
/// longer than training it.
/// </summary>
/// <remarks>
/// Pairs of image checksums. A pair stays true whatever happens to the cache, and pairs of images that are gone do no harm.
/// </remarks>
internal static class KnownDuplicates
{
    public const string FileName = ".near-duplicates.csv";

    /// <summary>A warning where a split puts one image of a pair on either side.</summary>
    /// <param name="cache">Trains; its audit is asked.</param>
    /// <param name="train">Its rows that train.</param>
    /// <param name="validationCache">Validates; may be the same. Where it is another, only an audit of both together can have found
    /// pairs.</param>
    /// <param name="validation">Its rows that validate.</param>
    public static IReadOnlyList<string> Warnings(
        FeatureCache cache, IReadOnlyList<int> train, FeatureCache validationCache, IReadOnlyList<int> validation)
    {
        var pairs = Read(Path.Combine(cache.Folder, FileName));
        if (pairs.Count == 0)
            return [];
        var trained = train.Select(r => cache.Rows[r].Sha256).ToHashSet(StringComparer.Ordinal);
        var alike = pairs.Concat(pairs.Select(p => (First: p.Second, Second: p.First))).Where(p => trained.Contains(p.First))
            .Select(p => p.Second).ToHashSet(StringComparer.Ordinal);
        var leaks =
            validation.Select(r => validationCache.Rows[r]).Where(r => alike.Contains(r.Sha256) && !trained.Contains(r.Sha256)).ToList();
        return leaks.Count == 0
            ? []
            : [string.Create(CultureInfo.InvariantCulture,
                $"{leaks.Count:N0} validation {(leaks.Count == 1 ? "image is a near duplicate" : "images are near duplicates")} of " +
                $"training images, by the audit of this cache ({leaks[0].Path} first): the figures flatter.")];
    }

    private static List<(string First, string Second)> Read(string path)
    {
        if (!File.Exists(path))
            return [];
        try
        {
            using var csv = new CsvReader(new StreamReader(path), CultureInfo.InvariantCulture);
            var pairs = new List<(string, string)>();
            csv.Read();
            csv.ReadHeader();
            while (csv.Read())
                pairs.Add((csv.GetField("sha256")!, csv.GetField("other_sha256")!));
            return pairs;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CsvHelperException)
        {
            throw new CommandException(
                $"{path} can't be read: {e.Message.Split('\n')[0].Trim()} Delete it, or audit the cache again.", cause: e);
        }
    }
}
