using System.Globalization;
using Headstart.Cache;
using Headstart.Extraction.Pipeline;
using Headstart.Extraction.Runtime;
using Headstart.Images;
using Headstart.Models;

namespace Headstart.Bench;

/// <summary>The whole extraction beside its two limits: the network alone on ready tensors, and decoding alone.</summary>
internal static class PipelineBenchmark
{
    public static async Task RunAsync(string modelPath, string imagesPath, int count, int rounds)
    {
        var threads = Environment.ProcessorCount;
        var batchSize = 8;
        var all = ImageSet.Open(imagesPath);
        var images = all with { Items = [.. all.Items.Where((_, i) => i % Math.Max(1, all.Items.Count / count) == 0).Take(count)] };
        var model = ModelFile.Load(modelPath);
        var deepest = model.Contract.Layers[^1].Name;
        using var network = BaseNetwork.Load(model, [deepest], ExecutionDevice.Cpu, threads);
        using var ready = network.CreateBatch(batchSize);
        ready.Assign([.. images.Items.Take(batchSize).Select(item => new PlannedRow(item, View: 0))]);
        var loader = new ImageLoader(model.Contract.Preprocessing, null, new DecodingMemory(), new StageTimes());
        for (var i = 0; i < ready.Count; i++)
            ready.Fill(i, loader.Load(ready, i, 1));

        Console.WriteLine($"{model.Contract.Name}, {deepest}, {images.Items.Count} images, batches of {batchSize}, {threads} threads");
        var turns = new Turns(rounds);
        turns.Add("network alone, on ready tensors", "images", () =>
        {
            var batches = (images.Items.Count + batchSize - 1) / batchSize;
            for (var i = 0; i < batches; i++)
                network.Run(ready);
            return Task.FromResult((double)batches * batchSize);
        });
        turns.Add("extract: decode, network, cache on disk", "images", async () =>
        {
            var folder = Directory.CreateTempSubdirectory("headstart-bench-");
            try
            {
                var result = await new ExtractionRun(
                    images, network, new CacheFolder(folder.FullName), new ExtractionSettings(batchSize, threads), TimeProvider.System)
                    .RunAsync(_ => new Progress<int>(), CancellationToken.None);
                return result.Computed;
            }
            finally
            {
                folder.Delete(recursive: true);
            }
        });
        turns.Add($"decode and resize alone, {threads} workers", "images", () => Task.FromResult((double)Decode(images, model, threads)));
        turns.Add("decode and resize alone, 1 worker", "images", () => Task.FromResult((double)Decode(images, model, 1)));
        var rates = await turns.RunAsync();

        // Decoding and the network share the cores: a picture costs the time of both.
        var bounds = rates[0].Zip(rates[2], (network, decoding) => 1 / ((1 / network) + (1 / decoding))).ToList();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"both, one after the other on the same cores  {Turns.Median(bounds),10:N1} images/s   extract reaches " +
            $"{Turns.Median(rates[1].Zip(bounds, (a, b) => a / b)):0.000} of it"));
    }

    private static int Decode(ImageSet images, ModelFile model, int workers)
    {
        var preprocessing = model.Contract.Preprocessing;
        var memory = new DecodingMemory();
        var next = -1;
        var threads = Enumerable.Range(0, workers).Select(_ => new Thread(() =>
        {
            var loader = new ImageLoader(preprocessing, null, memory, new StageTimes());
            using var one = new FeatureBatch(1, preprocessing.Size, [], []);
            while (Interlocked.Increment(ref next) is var i && i < images.Items.Count)
            {
                one.Assign([new PlannedRow(images.Items[i], View: 0)]);
                loader.Load(one, 0, 1);
            }
        })).ToList();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());
        return images.Items.Count;
    }
}
