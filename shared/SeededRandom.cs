namespace Headstart;

/// <summary>Pseudo-random numbers that are the same on every machine and in every version of .NET.</summary>
/// <remarks>
/// SplitMix64 (Steele, Lea, Flood 2014). Each purpose has a stream of its own, so that drawing more numbers for one thing
/// (another dense layer, a longer training) never changes another (the split, the order of the first epoch).
/// </remarks>
public sealed class SeededRandom
{
    private const ulong GoldenGamma = 0x9E3779B97F4A7C15;
    private ulong _state;

    /// <param name="seed">The user's seed.</param>
    /// <param name="purpose">What the numbers are for, such as <c>split</c>.</param>
    /// <param name="index">Which of several for that purpose, such as the epoch.</param>
    public SeededRandom(long seed, string purpose, long index = 0)
    {
        _state = (ulong)seed;
        foreach (var c in purpose)
            _state = NextBits() ^ c;
        _state = NextBits() ^ (ulong)index;
        _state = NextBits();
    }

    /// <summary>64 random bits.</summary>
    public ulong NextBits()
    {
        var z = _state += GoldenGamma;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>A whole number from 0 to <paramref name="bound"/> - 1, all equally likely.</summary>
    public int NextBelow(int bound)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bound);
        var limit = ulong.MaxValue - (ulong.MaxValue % (ulong)bound);
        ulong bits;
        do
        {
            bits = NextBits();
        }
        while (bits >= limit);
        return (int)(bits % (ulong)bound);
    }

    /// <summary>Puts the items into random order, every order equally likely (Fisher and Yates).</summary>
    public void Shuffle<T>(Span<T> items)
    {
        for (var i = items.Length - 1; i > 0; i--)
        {
            var j = NextBelow(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }
}
