using Headstart.Cache;
using Headstart.Models;
using Headstart.Preprocessing;

namespace Headstart.Tests;

/// <summary>Writes caches whose classes can be told apart, mostly: each class has a mean of its own, and noise around it.</summary>
internal static class SyntheticCache
{
    public static CacheContract Contract(params ModelLayer[] layers) => new()
    {
        Model = "synthetic",
        ModelSha256 = new string('a', 64),
        Preprocessing = Presets.Mobilenet,
        Precision = "float32",
        Layers = layers,
        Provider = "cpu",
        Tool = "test",
    };

    /// <summary>Rows cats/0000.jpg, dogs/0000.jpg, ...; each image has a checksum of its own.</summary>
    public static List<CacheRow> Rows(int perClass, string[] classes, string? split = null) =>
        [.. from c in classes
            from i in Enumerable.Range(0, perClass)
            let path = $"{(split is null ? "" : split + "/")}{c}/{i:D4}.jpg"
            select new CacheRow(path, c, split, $"{c} {i} {split}", 8, 8, 0)];

    /// <summary>Normal noise around a mean that depends on the label, the same for the same row and seed.</summary>
    public static float[] Features(CacheRow row, int length, double signal, long seed = 0)
    {
        var random = new SeededRandom(seed, row.Path, row.View);
        var direction = new SeededRandom(seed, "class " + row.Label);
        var values = new float[length];
        for (var i = 0; i < length; i++)
            values[i] = (float)(Normal(random) + (signal * Normal(direction)));
        return values;
    }

    /// <summary>Writes the rows in their order, a part for every <paramref name="partRows"/> of them.</summary>
    public static async Task WriteAsync(
        string folder, CacheContract contract, IReadOnlyList<CacheRow> rows, Func<CacheRow, ModelLayer, float[]> features,
        int partRows = 16)
    {
        Directory.CreateDirectory(folder);
        var writer = new CacheWriter(new CacheFolder(folder), contract, TimeProvider.System);
        for (var i = 0; i < rows.Count; i++)
        {
            await writer.AddAsync(rows[i], [.. contract.Layers.Select(l => (ReadOnlyMemory<float>)features(rows[i], l))]);
            if ((i + 1) % partRows == 0)
                await writer.FlushAsync();
        }

        await writer.FlushAsync();
    }

    private static double Normal(SeededRandom random)
    {
        double Uniform() => ((random.NextBits() >> 11) + 1) * (1.0 / ((1UL << 53) + 1));
        return Math.Sqrt(-2 * Math.Log(Uniform())) * Math.Cos(2 * Math.PI * Uniform());
    }
}
