using Headstart.Preprocessing;

namespace Headstart.Models;

/// <summary>Fixed pictures for trying a network: the same on every machine, because they are made of whole numbers.</summary>
public static class SyntheticInput
{
    /// <summary>A network's input: slanted triangle waves with a little noise, prepared as the contract says.</summary>
    /// <param name="preprocessing">Gives the size and the normalisation; nothing is resized.</param>
    /// <param name="seed">Pictures of different seeds differ in their waves and in their noise.</param>
    /// <returns>3 x Size x Size floats, row-major.</returns>
    public static float[] Create(ImagePreprocessing preprocessing, int seed)
    {
        var size = preprocessing.Size;
        var chw = new float[3 * size * size];
        var state = (ulong)seed;
        for (var c = 0; c < 3; c++)
        {
            var (across, down) = (5 + (int)(Next(ref state) % 12), 5 + (int)(Next(ref state) % 12));
            for (var y = 0; y < size; y++)
            {
                for (var x = 0; x < size; x++)
                {
                    var phase = ((across * x) + (down * y)) % 448;
                    var wave = phase < 224 ? phase : 447 - phase;
                    var pixel = wave + (int)(Next(ref state) % 32);
                    chw[(((c * size) + y) * size) + x] = ((pixel / preprocessing.DivideBy) - preprocessing.Mean[c]) / preprocessing.Std[c];
                }
            }
        }

        return chw;
    }

    // SplitMix64 (Steele, Lea and Flood, 2014): small, and the same everywhere.
    private static ulong Next(ref ulong state)
    {
        var z = state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
