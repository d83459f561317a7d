namespace Headstart.Trainer.Sweeps;

/// <summary>What one repeat of a trial got right.</summary>
/// <param name="Images">A number for each image that judged; equal numbers are equal images, in other repeats too.</param>
/// <param name="Right">One an image.</param>
internal sealed record JudgedRepeat(IReadOnlyList<int> Images, IReadOnlyList<bool> Right)
{
    public double Accuracy => Right.Count(r => r) / (double)Right.Count;
}

/// <summary>
/// How much more accurate one trial is than another, judged by the same images in the same repeats, and how far that can be trusted.
/// </summary>
/// <param name="Mean">The difference of their mean accuracies.</param>
/// <param name="ImagesError">Standard error, because other images would have been judged otherwise.</param>
/// <param name="RepeatsError">Standard error, because another seed or fold would have trained otherwise; 0 for one repeat, which can't
/// tell.</param>
internal readonly record struct PairedGain(double Mean, double ImagesError, double RepeatsError)
{
    /// <summary>Of the difference, from both.</summary>
    public double StandardError => Math.Sqrt((ImagesError * ImagesError) + (RepeatsError * RepeatsError));

    /// <summary>Compares two trials.</summary>
    /// <param name="than">The one to be better than.</param>
    /// <param name="of">The other.</param>
    /// <exception cref="ArgumentException">They were not judged by the same images.</exception>
    /// <remarks>
    /// For one repeat <see cref="ImagesError"/> is that of McNemar's test (the images that changed sides, b + c of n), with two more than
    /// were seen: otherwise a handful of images that all changed to the better would look certain. Where an image was judged several times,
    /// its mean change counts.
    /// </remarks>
    public static PairedGain Of(IReadOnlyList<JudgedRepeat> than, IReadOnlyList<JudgedRepeat> of)
    {
        if (than.Count != of.Count || than.Zip(of).Any(r => !r.First.Images.SequenceEqual(r.Second.Images)))
            throw new ArgumentException("judged by other images", nameof(of));
        var changes = than.Zip(of)
            .SelectMany(r => r.First.Images.Select((image, i) => (image, Change: (r.Second.Right[i] ? 1 : 0) - (r.First.Right[i] ? 1 : 0))))
            .GroupBy(c => c.image, c => c.Change)
            .Select(g => g.Average())
            .ToList();
        double n = changes.Count;
        var ofImages = changes.Average();
        var variance = ((changes.Sum(c => c * c) + 2) / n) - (ofImages * ofImages);
        var gains = than.Zip(of, (t, o) => o.Accuracy - t.Accuracy).ToList();
        var spread = Spread.Of(gains)!.Value;
        return new PairedGain(spread.Mean, Math.Sqrt(variance / n), (spread.Sd ?? 0) / Math.Sqrt(gains.Count));
    }
}
