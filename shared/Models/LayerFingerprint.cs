namespace Headstart.Models;

/// <summary>
/// What one layer computed from <see cref="SyntheticInput"/> with seed 0 at import, coarse enough to be the same on every machine.
/// </summary>
/// <param name="Layer">The layer's name.</param>
/// <param name="Rms">The root of the mean square of all values.</param>
/// <param name="Means">The means of <see cref="Parts"/> equal parts of the values, in order (the last takes the rest).</param>
/// <remarks>
/// Rounded to about four digits of <paramref name="Rms"/>: processors differ in the last of a float's seven, and sums even that out, so
/// that an import gives the same file on another machine all but always.
/// </remarks>
public sealed record LayerFingerprint(string Layer, double Rms, IReadOnlyList<double> Means)
{
    public const int Parts = 16;

    /// <param name="layer">The layer's name.</param>
    /// <param name="values">All values for one image; finite.</param>
    public static LayerFingerprint Of(string layer, ReadOnlySpan<float> values)
    {
        var squares = 0.0;
        foreach (var value in values)
            squares += (double)value * value;
        var rms = Math.Sqrt(squares / values.Length);
        var parts = Math.Min(Parts, values.Length);
        var means = new double[parts];
        for (var part = 0; part < parts; part++)
        {
            var first = part * (values.Length / parts);
            var end = part == parts - 1 ? values.Length : first + (values.Length / parts);
            var sum = 0.0;
            foreach (var value in values[first..end])
                sum += value;
            means[part] = Round(sum / (end - first), rms);
        }

        return new LayerFingerprint(layer, Round(rms, rms), means);
    }

    /// <summary>The largest difference between two fingerprints of one layer, as a fraction of the recorded <see cref="Rms"/>.</summary>
    /// <returns>Infinity where they can't be compared: other parts, or a recorded layer of zeros.</returns>
    public double DeviationOf(LayerFingerprint other)
    {
        if (Means.Count != other.Means.Count)
            return double.PositiveInfinity;
        var largest = Means.Zip(other.Means).Select(pair => Math.Abs(pair.First - pair.Second)).Append(Math.Abs(Rms - other.Rms)).Max();
        return largest == 0 ? 0 : largest / Rms;
    }

    private static double Round(double value, double rms)
    {
        if (rms == 0)
            return 0;
        var digits = 3 - (int)Math.Floor(Math.Log10(rms));
        if (digits is >= 0 and <= 15)
            return Math.Round(value, digits);
        var unit = Math.Pow(10, -digits);
        return Math.Round(value / unit) * unit;
    }
}
