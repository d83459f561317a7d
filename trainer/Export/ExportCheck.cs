namespace Headstart.Trainer.Export;

/// <summary>How near an exported model comes to the trainer.</summary>
/// <param name="Pictures">How many both were asked about.</param>
/// <param name="Source">What these were.</param>
/// <param name="Against">What the trainer's side was computed with.</param>
/// <param name="LargestDifference">By <see cref="Difference"/>.</param>
/// <param name="LargestChange">Of a probability, absolute.</param>
internal sealed record ExportCheck(int Pictures, string Source, string Against, double LargestDifference, double LargestChange)
{
    // Below this float32 has no digits left.
    private const double Smallest = 1e-30;

    /// <summary>What the user should know of the trainer's side, one line each.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Asks both about every picture.</summary>
    /// <exception cref="InvalidOperationException">The model's labels don't follow from its probabilities.</exception>
    public static ExportCheck Run(ExportedModel exported, TrainerOutput trainer, CheckPictures pictures, int size)
    {
        var (count, difference, change) = (0, 0.0, 0.0);
        foreach (var batch in pictures.Pictures.Chunk(exported.Batch))
        {
            var prepared = exported.Prepare(batch);
            var expected = trainer.Predict(prepared, exported.Batch, size);
            var (found, labels) = exported.Predict(batch, prepared);
            for (var i = 0; i < found.Length; i++)
            {
                difference = Math.Max(difference, Difference(found[i], expected[i]));
                change = Math.Max(change, Math.Abs(found[i] - Math.Exp(expected[i])));
            }

            var classes = exported.Decision.Classes.Count;
            for (var i = 0; i < batch.Length; i++)
            {
                var label = exported.Decision.Decide(found.AsSpan(i * classes, classes));
                if (labels[i] != label)
                    throw new InvalidOperationException($"the exported model gives label {labels[i]} where its probabilities give {label}");
            }

            count += batch.Length;
        }

        return new ExportCheck(count, $"{count} {pictures.Origin}", trainer.Means, difference, change) { Notes = trainer.Notes };
    }

    /// <summary>
    /// How far apart two probabilities are: relative to the probability; for small ones, relative to the logarithm (of 0.0001 that is nine
    /// times as lenient), because float32 keeps the digits of a logit, not those of its exponential.
    /// </summary>
    /// <param name="found">A probability.</param>
    /// <param name="expected">The logarithm of one.</param>
    /// <returns>Infinity where one of them is no number.</returns>
    public static double Difference(float found, double expected)
    {
        var (a, b) = (Math.Log(Math.Max(found, Smallest)), Math.Max(expected, Math.Log(Smallest)));
        var difference = Math.Abs(a - b) / Math.Max(1, Math.Abs(b));
        return double.IsNaN(difference) ? double.PositiveInfinity : difference;
    }
}
