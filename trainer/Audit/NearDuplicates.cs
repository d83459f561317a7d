using Headstart.Trainer.Evaluation;
using static TorchSharp.torch;

namespace Headstart.Trainer.Audit;

/// <summary>Two distinct images that show the same picture.</summary>
/// <param name="First">Number of a distinct image.</param>
/// <param name="Second">A higher one.</param>
/// <param name="Similarity">At most 1.</param>
internal readonly record struct NearPair(int First, int Second, double Similarity);

/// <summary>Finds images that are the same picture: saved anew, scaled, cut a little, mirrored.</summary>
/// <param name="Pairs">The most similar first.</param>
/// <param name="Threshold">From which similarity on two images are a pair.</param>
/// <param name="Best">Of each distinct image the similarity to the most similar of its neighbours; empty where it has none.</param>
/// <remarks>
/// An image is compared with its ten nearest by pooled features. Their similarity is the cosine of the two sketches less the mean sketch of
/// all images, where the same things must lie in the same places; once as they are and once mirrored, the higher counts. docs/AUDIT.md says
/// where the threshold comes from.
/// </remarks>
internal sealed record NearDuplicates(IReadOnlyList<NearPair> Pairs, double Threshold, double[] Best)
{
    /// <summary>Unrelated photographs stay below this, by two bases and two picture sets.</summary>
    private const double LowestThreshold = 0.57;
    private const double HighestThreshold = 0.95;
    private const double FalsePairs = 0.1;

    // With fewer images there is no distribution to look at.
    private const int FewImages = 50;
    private const double ThresholdOfFew = 0.7;
    private const int Block = 256;

    public static NearDuplicates Find(Tensor sketches, Neighbours neighbours, CancellationToken cancellationToken)
    {
        if (neighbours.Count == 0)
            return new NearDuplicates([], ThresholdOfFew, []);
        var similarities = Similarities(sketches, neighbours, cancellationToken);
        var n = checked((int)sketches.shape[0]);
        var threshold = n < FewImages
            ? ThresholdOfFew
            : Fitted([.. Enumerable.Range(0, n).Select(i => similarities[((i + 1) * neighbours.Count) - 1])], similarities.Length);
        var pairs = new Dictionary<(int, int), double>();
        var best = new double[n];
        for (var i = 0; i < n; i++)
        {
            var ofImage = similarities.AsSpan(i * neighbours.Count, neighbours.Count);
            best[i] = ofImage.ToArray().Max();
            for (var k = 0; k < ofImage.Length; k++)
            {
                var other = neighbours.Nearest[(i * neighbours.Count) + k];
                if (ofImage[k] >= threshold)
                    pairs.TryAdd((Math.Min(i, other), Math.Max(i, other)), ofImage[k]);
            }
        }

        return new NearDuplicates(
            [.. pairs.Select(p => new NearPair(p.Key.Item1, p.Key.Item2, p.Value)).OrderByDescending(p => p.Similarity).ThenBy(p => p.First)
                .ThenBy(p => p.Second)],
            threshold,
            best);
    }

    /// <summary>Where chance would yield a tenth of a false pair, if similarities of unrelated images are normal.</summary>
    /// <param name="unrelated">
    /// Each image's similarity to its last neighbour: near in features, yet hardly a duplicate (there would have to be ten better ones), so
    /// that a set full of duplicates doesn't raise its own threshold. Only its lower half is looked at for the spread.
    /// </param>
    /// <param name="comparisons">How many pairs are looked at.</param>
    internal static double Fitted(double[] unrelated, int comparisons)
    {
        Array.Sort(unrelated);
        var median = unrelated[unrelated.Length / 2];
        var deviation = (median - unrelated[unrelated.Length / 10]) / NormalDistribution.Quantile(0.9);
        return Math.Clamp(
            median + (deviation * NormalDistribution.Quantile(1 - (FalsePairs / comparisons))), LowestThreshold, HighestThreshold);
    }

    private static double[] Similarities(Tensor sketches, Neighbours neighbours, CancellationToken cancellationToken)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var n = checked((int)sketches.shape[0]);
        var mean = sketches.mean([0, 2, 3], keepdim: true, type: ScalarType.Float32);
        var nearest = tensor(neighbours.Nearest, [n, neighbours.Count], ScalarType.Int64);
        var all = new double[n * neighbours.Count];
        for (var first = 0; first < n; first += Block)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var step = NewDisposeScope();
            var rows = Math.Min(Block, n - first);
            var ours = sketches.narrow(0, first, rows).to(ScalarType.Float32) - mean;
            var mirrored = Unit(ours.flip(3));
            ours = Unit(ours);
            for (var k = 0; k < neighbours.Count; k++)
            {
                using var neighbour = NewDisposeScope();
                var theirs = Unit(sketches.index_select(0, nearest.narrow(0, first, rows).select(1, k)).to(ScalarType.Float32) - mean);
                var similarity = (ours * theirs).sum(1).maximum((mirrored * theirs).sum(1)).data<float>().ToArray();
                for (var i = 0; i < rows; i++)
                    all[((first + i) * neighbours.Count) + k] = similarity[i];
            }
        }

        return all;
    }

    private static Tensor Unit(Tensor sketches) => nn.functional.normalize(sketches.flatten(1), dim: 1);
}
