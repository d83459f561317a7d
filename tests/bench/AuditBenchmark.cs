using System.Diagnostics;
using System.Globalization;
using Headstart.Cache;
using Headstart.Models;
using Headstart.Preprocessing;
using Headstart.Trainer.Audit;

namespace Headstart.Bench;

/// <summary>How long an audit takes, and how much memory: drawn features in a real cache on the disk.</summary>
internal static class AuditBenchmark
{
    private const int Channels = 1280;
    private const int Classes = 10;
    private const int PartRows = 128;

    /// <param name="rows">How many images.</param>
    /// <param name="side">Of a map: 1 for pooled features.</param>
    public static async Task RunAsync(int rows, int side)
    {
        var folder = Directory.CreateTempSubdirectory("headstart-bench-").FullName;
        try
        {
            var layer = new ModelLayer("features", new LayerShape(Channels, side, side));
            await WriteAsync(folder, rows, layer);
            var cache = await FeatureCache.OpenAsync(folder, CancellationToken.None);
            var start = Stopwatch.GetTimestamp();
            var audit = await DataAudit.RunAsync(cache, layer, seed: 0, TimeProvider.System, CancellationToken.None);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{rows:N0} images, {layer.Shape}, {Classes} classes: {Stopwatch.GetElapsedTime(start).TotalSeconds:0.0} s, peak " +
                $"{PeakMemory.Bytes() >> 20:N0} MiB; " +
                $"{audit.Duplicates.Near} near duplicates, {audit.Labels!.LikelyWrong.Count()} likely wrong labels"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // Each image is seven parts in ten zeros, and the rest small whole numbers with a lean towards its class: maps of any size fit on the
    // disk.
    private static async Task WriteAsync(string folder, int rows, ModelLayer layer)
    {
        var contract = new CacheContract
        {
            Model = "drawn",
            ModelSha256 = new string('a', 64),
            Preprocessing = Presets.Mobilenet,
            Precision = "float32",
            Layers = [layer],
            Provider = "cpu",
            Tool = "bench",
        };
        var writer = new CacheWriter(new CacheFolder(folder), contract, TimeProvider.System);
        var features = new float[layer.Shape.Length];
        var cells = layer.Shape.Height * layer.Shape.Width;
        for (var row = 0; row < rows; row++)
        {
            var label = row % Classes;
            var state = ((ulong)row * 0x9E3779B97F4A7C15) + 1;
            for (var i = 0; i < features.Length; i++)
            {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                var drawn = (int)(state >> 32) & 63;
                features[i] = drawn < 12 || (drawn < 20 && i / cells % Classes == label) ? (drawn & 3) + 1 : 0;
            }

            await writer.AddAsync(
                new CacheRow($"{row:D6}.jpg", $"class {label}", null, row.ToString("x64", CultureInfo.InvariantCulture), 300, 300, 0),
                [features]);
            if ((row + 1) % PartRows == 0)
                await writer.FlushAsync();
        }

        await writer.FlushAsync();
    }
}
