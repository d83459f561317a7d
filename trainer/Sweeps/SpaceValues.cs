using System.Globalization;

namespace Headstart.Trainer.Sweeps;

/// <summary>The values that a space gives an option. A value is a string, a double, a long, or null.</summary>
internal abstract record SpaceValues
{
    /// <summary>One of them.</summary>
    public abstract object? Draw(SeededRandom random);
}

/// <summary>These and no others, all equally likely.</summary>
internal sealed record ListedValues(IReadOnlyList<object?> Values) : SpaceValues
{
    public override object? Draw(SeededRandom random) => Values[random.NextBelow(Values.Count)];
}

/// <summary>
/// Any number between two, both included: evenly, or evenly on a logarithmic scale. Numbers have four digits, so that they can be typed
/// again.
/// </summary>
/// <param name="Low">The smallest.</param>
/// <param name="High">The largest.</param>
/// <param name="IsLog">Whether a tenfold rise is as likely everywhere; both ends are above 0 then.</param>
/// <param name="IsWhole">Whether the option takes whole numbers alone.</param>
internal sealed record RangeOfValues(double Low, double High, bool IsLog, bool IsWhole) : SpaceValues
{
    public override object? Draw(SeededRandom random)
    {
        var part = (random.NextBits() >> 11) * (1.0 / (1UL << 53));

        // Each whole number gets the stretch of numbers that round to it.
        var (low, high) = IsWhole ? (Low - 0.5, High + 0.5) : (Low, High);
        var drawn = IsLog ? Math.Exp(Math.Log(low) + (part * (Math.Log(high) - Math.Log(low)))) : low + (part * (high - low));
        if (IsWhole)
            return (long)Math.Clamp(Math.Round(drawn), Low, High);
        var digits = double.Parse(drawn.ToString("E3", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
        return Math.Clamp(digits, Low, High);
    }
}
