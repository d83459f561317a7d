using System.Runtime.InteropServices;

namespace Headstart.Bench;

/// <summary>Many rows with the statistics of VGG16's block5_pool, 7 x 7 x 512, made from the real features of one photograph.</summary>
/// <remarks>
/// Each row has the photograph's channels in an order of its own, each turned or mirrored, scaled, and every value changed a little: what
/// is zero stays beside what is zero, but no row repeats a value of another, so that compression can't gain across rows.
/// </remarks>
internal static class BlockFeatures
{
    public const int Channels = 512;
    public const int Side = 7;
    public const int Length = Channels * Side * Side;

    /// <summary>The features of the file, or, without one, drawn ones of which 90% are zero.</summary>
    /// <param name="path">25,088 little-endian floats in H x W x C order, or null.</param>
    public static float[] Load(string? path)
    {
        if (path is not null)
            return MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(path)).ToArray() is { Length: Length } read
                ? read
                : throw new InvalidDataException($"{path} has not {Length} floats.");

        // A channel fires in one spot, or (two in five) nowhere.
        var random = new Random(3);
        var values = new float[Length];
        for (var c = 0; c < Channels; c++)
        {
            var (y, x, radius) = (random.Next(Side), random.Next(Side), random.Next(5) < 2 ? 0 : random.NextDouble() * 2.4);
            for (var i = 0; i < Side * Side; i++)
            {
                if (Math.Abs(i / Side - y) + Math.Abs(i % Side - x) < radius)
                    values[i * Channels + c] = 40 * random.NextSingle();
            }
        }

        return values;
    }

    /// <summary>Rows in C x H x W order.</summary>
    /// <param name="source">From <see cref="Load"/>.</param>
    public static float[] MakeRows(float[] source, int rows, int seed)
    {
        var random = new Random(seed);
        var made = new float[rows * Length];
        var order = Enumerable.Range(0, Channels).ToArray();
        for (var row = 0; row < rows; row++)
        {
            random.Shuffle(order);
            for (var c = 0; c < Channels; c++)
            {
                var (turn, scale) = (random.Next(8), 0.5f + random.NextSingle());
                for (var i = 0; i < Side * Side; i++)
                {
                    var (y, x) = (i / Side, i % Side);
                    y = (turn & 1) != 0 ? Side - 1 - y : y;
                    x = (turn & 2) != 0 ? Side - 1 - x : x;
                    (y, x) = (turn & 4) != 0 ? (x, y) : (y, x);
                    made[row * Length + c * Side * Side + i] =
                        source[(y * Side + x) * Channels + order[c]] * scale * (1 + 0.1f * random.NextSingle());
                }
            }
        }

        return made;
    }
}
