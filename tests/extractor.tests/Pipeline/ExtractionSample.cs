using System.Runtime.InteropServices;
using Headstart.Cache;
using Headstart.Extraction.Pipeline;
using Headstart.Extraction.Quantization;
using Headstart.Extraction.Runtime;
using Headstart.Images;
using Headstart.Models;

namespace Headstart.Tests.Pipeline;

/// <summary>A few noise pictures and a tiny network in a folder of their own, extracted into caches beside them.</summary>
internal sealed class ExtractionSample : IDisposable
{
    public ExtractionSample(int pictures)
    {
        Model = TinyNetwork.Write(Folder.File("tiny.onnx"));
        for (var i = 0; i < pictures; i++)
            WritePicture($"{(i % 2 == 0 ? "cats" : "dogs")}/{i:D2}.jpg", i);
    }

    public TemporaryFolder Folder { get; } = new();

    public ModelFile Model { get; }

    public ImageSet Images => ImageSet.Open(Folder.File("pictures"));

    public void Dispose() => Folder.Dispose();

    public string Picture(string name) => Folder.File("pictures", name);

    public void WritePicture(string name, int seed)
    {
        var pixels = new byte[40 * 30 * 3];
        new Random(seed).NextBytes(pixels);
        Folder.Write($"pictures/{name}", ImageEncoder.Jpeg(new RgbImage(40, 30, pixels), quality: 90));
    }

    /// <summary>
    /// Extracts with the model's layers, or with those named; is stopped when the first batch is written where <paramref name="stop"/> is
    /// given.
    /// </summary>
    /// <param name="model">Another than <see cref="Model"/>.</param>
    /// <param name="report">Told of every batch as it is written.</param>
    public async Task<ExtractionResult> RunAsync(
        string cache, int views = 0, long? seed = null, int batch = 4, int workers = 2, Shard? shard = null, string[]? layers = null,
        CancellationTokenSource? stop = null, ModelFile? model = null, bool rehash = false, Action<int>? report = null,
        LayerStorage? store = null, double maxRejected = 100)
    {
        using var network = BaseNetwork.Load(model ?? Model, layers ?? [], ExecutionDevice.Cpu, threads: 1);
        var images = Images.Where(i => shard?.Owns(i.Path) ?? true);
        var settings =
            new ExtractionSettings(batch, workers, Rehash: rehash, Views: views, Seed: seed, Storage: store, MaxRejected: maxRejected);
        var run = new ExtractionRun(images, network, new CacheFolder(Folder.File(cache), shard), settings, TimeProvider.System);
        return await run.RunAsync(_ => new Callback(report ?? (_ => stop?.Cancel())), stop?.Token ?? TestContext.Current.CancellationToken);
    }

    /// <summary>An int8 copy of <see cref="Model"/>, calibrated on these pictures.</summary>
    /// <param name="keep">Blocks that stay float32.</param>
    public ModelFile Quantize(params string[] keep)
    {
        var options = new QuantizationOptions { Keep = keep, Threads = 1 };
        var quantized = ModelQuantization.Run(Model, Images, options, _ => new Progress<int>(), TestContext.Current.CancellationToken);
        ModelFile.Save(quantized.Proto, quantized.Contract, Folder.File("int8.onnx"));
        return ModelFile.Load(Folder.File("int8.onnx"));
    }

    /// <summary>Each row with its features as bits, so that equal means equal; in the cache's order.</summary>
    public async Task<List<(CacheRow Row, string Features)>> ReadAsync(string name, string[]? layers = null)
    {
        var cache = await FeatureCache.OpenAsync(Folder.File(name), TestContext.Current.CancellationToken);
        var rows = cache.Rows.Select(r => (Row: r, Features: "")).ToList();
        foreach (var layer in cache.Contract.Layers.Where(l => layers?.Contains(l.Name) ?? true))
        {
            foreach (var group in cache.RowGroups)
            {
                var length = layer.Shape.Length;
                var values = new float[group.RowCount * length];
                await cache.ReadAsync(group, layer.Name, values, TestContext.Current.CancellationToken);
                for (var i = 0; i < group.RowCount; i++)
                {
                    var (row, features) = rows[group.FirstRow + i];
                    rows[group.FirstRow + i] =
                        (row, features + layer.Name + Convert.ToHexString(MemoryMarshal.AsBytes(values.AsSpan(i * length, length))));
                }
            }
        }

        return rows;
    }

    /// <summary>As <see cref="ReadAsync"/>, by path and view.</summary>
    public async Task<IEnumerable<(CacheRow Row, string Features)>> SortedAsync(string name, string[]? layers = null) =>
        (await ReadAsync(name, layers)).OrderBy(r => r.Row.Path, StringComparer.Ordinal).ThenBy(r => r.Row.View);

    private sealed class Callback(Action<int> report) : IProgress<int>
    {
        public void Report(int value) => report(value);
    }
}
