using Headstart.Cache;
using Headstart.Models;
using Headstart.Preprocessing;

namespace Headstart.Tests.Cache;

/// <summary>Small caches for tests.</summary>
internal static class CacheSamples
{
    public static CacheContract Contract(params ModelLayer[] layers) => new()
    {
        Model = "tiny",
        ModelSha256 = new string('a', 64),
        Preprocessing = Presets.Keras,
        Precision = "float32",
        Layers = layers.Length > 0 ? layers : [new ModelLayer("pool", new LayerShape(2, 3, 3))],
        Provider = "cpu",
        Tool = "test",
    };

    public static CacheRow Row(int i) =>
        new($"cats/{i}.jpg", i % 2 == 0 ? "cats" : null, i % 3 == 0 ? "train" : null, i.ToString("x64"), 10 + i, 20 + i, 0);

    /// <summary>Features that tell row and layer apart.</summary>
    public static float[] Features(int row, ModelLayer layer) =>
        [.. Enumerable.Range(0, layer.Shape.Length).Select(i => row * 1000 + i + layer.Name.Length * 0.5f)];

    /// <summary>
    /// Writes rows <paramref name="first"/> .. <paramref name="first"/> + <paramref name="count"/> - 1 as one part or more.
    /// </summary>
    public static async Task WriteAsync(string folder, CacheContract contract, int first, int count)
    {
        var writer = new CacheWriter(new CacheFolder(folder), contract, TimeProvider.System);
        for (var i = first; i < first + count; i++)
            await writer.AddAsync(Row(i), [.. contract.Layers.Select(l => (ReadOnlyMemory<float>)Features(i, l))]);
        await writer.FlushAsync();
    }

    public static async Task<List<float[]>> ReadLayerAsync(FeatureCache cache, string layer)
    {
        var length = cache.Layer(layer).Shape.Length;
        var rows = new List<float[]>();
        foreach (var group in cache.RowGroups)
        {
            var values = new float[group.RowCount * length];
            await cache.ReadAsync(group, layer, values, CancellationToken.None);
            rows.AddRange(values.Chunk(length));
        }

        return rows;
    }
}
