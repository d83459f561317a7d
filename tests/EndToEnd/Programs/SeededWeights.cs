using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Headstart.Tests.Programs;

/// <summary>Weight files that anybody could have made: written byte for byte here, without the programs' own code.</summary>
internal static class SeededWeights
{
    /// <summary>The first convolutions of VGG11 under torchvision's names, with seeded values, as safetensors.</summary>
    /// <param name="convolutions">One or two.</param>
    public static void Write(string path, int convolutions)
    {
        (string Name, int[] Shape)[] tensors =
        [
            ("features.0.weight", [64, 3, 3, 3]), ("features.0.bias", [64]), ("features.3.weight", [128, 64, 3, 3]),
            ("features.3.bias", [128]),
        ];
        var random = new Random(11);
        var header = new Dictionary<string, object>();
        var values = new List<float>();
        foreach (var (name, shape) in tensors.Take(2 * convolutions))
        {
            var begin = values.Count;
            values.AddRange(Enumerable.Range(0, shape.Aggregate(1, (a, b) => a * b)).Select(_ => (float)(random.NextDouble() - 0.5) / 5));
            header[name] = new { dtype = "F32", shape, data_offsets = new[] { begin * sizeof(float), values.Count * sizeof(float) } };
        }

        var text = JsonSerializer.SerializeToUtf8Bytes(header);
        var length = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(length, text.Length);
        File.WriteAllBytes(path, [.. length, .. text, .. MemoryMarshal.AsBytes(values.ToArray().AsSpan())]);
    }
}
