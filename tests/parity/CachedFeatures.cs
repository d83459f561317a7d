using System.Runtime.InteropServices;
using System.Text;
using Headstart.Cache;

namespace Headstart.Parity;

/// <summary>Writes one layer of a cache in the plainest form there is.</summary>
internal static class CachedFeatures
{
    /// <summary>
    /// For each row: int32 length and the path in UTF-8, int32 channels, height and width, and the float32 values, all little-endian.
    /// </summary>
    public static async Task WriteAsync(string folder, string layer, Stream destination)
    {
        var cache = await FeatureCache.OpenAsync(folder, CancellationToken.None);
        var shape = cache.Layer(layer).Shape;
        using var answers = new BinaryWriter(destination);
        foreach (var group in cache.RowGroups)
        {
            var values = new float[group.RowCount * shape.Length];
            await cache.ReadAsync(group, layer, values, CancellationToken.None);
            for (var i = 0; i < group.RowCount; i++)
            {
                var path = Encoding.UTF8.GetBytes(cache.Rows[group.FirstRow + i].Path);
                answers.Write(path.Length);
                answers.Write(path);
                answers.Write(shape.Channels);
                answers.Write(shape.Height);
                answers.Write(shape.Width);
                answers.Write(MemoryMarshal.AsBytes(values.AsSpan(i * shape.Length, shape.Length)));
            }
        }
    }
}
