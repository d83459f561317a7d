using System.Globalization;
using CsvHelper;
using Headstart.Cache;

namespace Headstart.Trainer.Audit;

/// <summary>An image that could not be used, or that has little in it.</summary>
/// <param name="Path">As the cache says.</param>
/// <param name="Problem"><c>unreadable</c> or <c>tiny</c>.</param>
/// <param name="Detail">Why, for people.</param>
internal sealed record ImageProblem(string Path, string Problem, string Detail)
{
    public const string Unreadable = "unreadable";
    public const string Tiny = "tiny";
}

internal static class ImageProblems
{
    // A picture that is enlarged more than three times shows the network mostly blur.
    private const int MostEnlarged = 3;

    /// <summary>What extraction rejected (in all shards), then what is tiny beside the network's input.</summary>
    /// <exception cref="CommandException">A list of rejected images can't be read.</exception>
    public static IReadOnlyList<ImageProblem> Of(FeatureCache cache, IReadOnlyList<CacheRow> rows)
    {
        var rejected = Directory.EnumerateFiles(cache.Folder, "rejected*.csv").Order(StringComparer.Ordinal).SelectMany(ReadRejected);
        var size = cache.Contract.Preprocessing.Size;
        var tiny = rows.Where(r => Math.Min(r.Width, r.Height) * MostEnlarged < size)
            .OrderBy(r => Math.Min(r.Width, r.Height)).ThenBy(r => r.Path, StringComparer.Ordinal)
            .Select(r => new ImageProblem(r.Path, ImageProblem.Tiny,
                string.Create(CultureInfo.InvariantCulture, $"{r.Width} x {r.Height} pixels, and the network reads {size} x {size}")));
        return [.. rejected.OrderBy(p => p.Path, StringComparer.Ordinal), .. tiny];
    }

    private static List<ImageProblem> ReadRejected(string path)
    {
        try
        {
            using var csv = new CsvReader(new StreamReader(path), CultureInfo.InvariantCulture);
            var problems = new List<ImageProblem>();
            csv.Read();
            csv.ReadHeader();
            while (csv.Read())
                problems.Add(new ImageProblem(csv.GetField("path")!, ImageProblem.Unreadable, csv.GetField("reason")!));
            return problems;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CsvHelperException)
        {
            throw new CommandException(
                $"{path} can't be read: {e.Message.Split('\n')[0].Trim()} Extract again: it is written anew.", cause: e);
        }
    }
}
