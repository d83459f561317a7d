using Headstart.Cache;

namespace Headstart.Trainer.Audit;

/// <summary>How far an image lies from its own class.</summary>
/// <param name="Image">The first of equal files.</param>
/// <param name="Distance">Mean of 1 - cosine to the five nearest of its class.</param>
/// <param name="Score">How many interquartile ranges of its class's distances it lies above their upper quartile.</param>
internal sealed record OutlierScore(CacheRow Image, double Distance, double Score)
{
    /// <summary>Outside Tukey's fence.</summary>
    public bool IsOutlier => Score > 1.5;
}

internal static class Outliers
{
    /// <summary>
    /// Scores every distinct image of a class that has at least four, the farthest first. Images without a label count as one class.
    /// </summary>
    public static IReadOnlyList<OutlierScore> Rank(AuditedImages images, Neighbours neighbours)
    {
        const int Fewest = 4;
        var scores = new List<OutlierScore>();
        var known = Enumerable.Range(0, images.FirstRow.Length).Where(i => !double.IsNaN(neighbours.ClassDistances[i]));
        foreach (var ofClass in known.GroupBy(i => images.Rows[images.FirstRow[i]].Label))
        {
            var distances = ofClass.Select(i => neighbours.ClassDistances[i]).Order().ToArray();
            if (distances.Length < Fewest)
                continue;
            var (lower, upper) = (distances[distances.Length / 4], distances[distances.Length * 3 / 4]);
            var range = Math.Max(upper - lower, 1e-6);
            scores.AddRange(ofClass.Select(i => new OutlierScore(
                images.Rows[images.FirstRow[i]], neighbours.ClassDistances[i], (neighbours.ClassDistances[i] - upper) / range)));
        }

        return [.. scores.OrderByDescending(s => s.Score).ThenBy(s => s.Image.Path, StringComparer.Ordinal)];
    }
}
