using System.Numerics;

namespace Headstart.Extraction.Demo;

/// <summary>
/// A small random generator whose numbers depend on nothing but the seed: not on the .NET version, the machine or its mathematics library.
/// </summary>
/// <remarks>SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014). Not for secrets.</remarks>
internal sealed class DemoRandom(ulong seed)
{
    private const ulong GoldenGamma = 0x9E3779B97F4A7C15;

    private ulong _state = seed;

    /// <summary>A generator for one of many independent jobs, so that the order of the jobs does not matter.</summary>
    public static DemoRandom For(int seed, int job, int index)
    {
        var mixed = Mix(unchecked((uint)seed + GoldenGamma));
        mixed = Mix(mixed + unchecked((uint)job + GoldenGamma));
        return new DemoRandom(Mix(mixed + unchecked((uint)index + GoldenGamma)));
    }

    public ulong NextBits() => Mix(_state += GoldenGamma);

    /// <summary>Uniform in [0, 1).</summary>
    public float Uniform() => (NextBits() >> 40) * (1f / (1 << 24));

    /// <summary>Uniform in [low, high).</summary>
    public float Uniform(float low, float high) => low + (high - low) * Uniform();

    /// <summary>A whole number from <paramref name="low"/> to <paramref name="high"/>, both included.</summary>
    public int Whole(int low, int high) => low + (int)(NextBits() % (ulong)(high - low + 1));

    public bool Chance(float probability) => Uniform() < probability;

    /// <summary>Mean 0, variance 1, close to a normal distribution: the sum of twelve uniform numbers, less six.</summary>
    /// <remarks>
    /// Not Box-Muller, because logarithm and cosine may differ in their last bit from one machine to another. Sums do not.
    /// </remarks>
    public double NearNormal()
    {
        var sum = 0.0;
        for (var i = 0; i < 12; i++)
            sum += (NextBits() >> 11) * (1.0 / (1L << 53));
        return sum - 6;
    }

    /// <summary>Each part uniform in [0, 1).</summary>
    public Vector3 Colour() => new(Uniform(), Uniform(), Uniform());

    /// <summary>A direction as a unit vector (cosine, sine).</summary>
    public Vector2 Direction()
    {
        var (sine, cosine) = MathF.SinCos(Uniform(0, MathF.Tau));
        return new Vector2(cosine, sine);
    }

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
