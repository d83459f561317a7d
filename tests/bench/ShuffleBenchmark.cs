using System.Globalization;
using Headstart.Cache;
using Headstart.Trainer.Features;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Training;
using static TorchSharp.torch;

namespace Headstart.Bench;

/// <summary>
/// What shuffling in blocks costs in accuracy: a real cache is written again in small parts, one class after the other, and heads are
/// trained on it.
/// </summary>
internal static class ShuffleBenchmark
{
    private const int Seeds = 5;

    /// <param name="source">Any cache with labels; one layer is read, the deepest.</param>
    public static async Task RunAsync(string source)
    {
        await RunAsync(source, 16, [16, 4, 1]);
        await RunAsync(source, 128, [4, 2, 1]);
    }

    private static async Task RunAsync(string source, int groupRows, int[] blocks)
    {
        var folder = Directory.CreateTempSubdirectory("headstart-shuffle-").FullName;
        try
        {
            await WriteSortedAsync(source, folder, groupRows);
            Console.WriteLine($"{HeadSpec.Reference}; {source}, one class after the other, {groupRows} images a row group; {Seeds} seeds");
            await TrainAsync("in memory", folder, null);
            foreach (var groups in blocks)
                await TrainAsync($"blocks of {groups} row groups", folder, groups * groupRows);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task WriteSortedAsync(string source, string folder, int groupRows)
    {
        var cache = await FeatureCache.OpenAsync(source, CancellationToken.None);
        var layer = cache.Contract.Layers[^1];
        var length = layer.Shape.Length;
        var features = new float[cache.Rows.Count][];
        foreach (var group in cache.RowGroups)
        {
            var values = new float[group.RowCount * length];
            await cache.ReadAsync(group, layer.Name, values, CancellationToken.None);
            for (var i = 0; i < group.RowCount; i++)
                features[group.FirstRow + i] = values.AsSpan(i * length, length).ToArray();
        }

        var writer = new CacheWriter(new CacheFolder(folder), cache.Contract with { Layers = [layer] }, TimeProvider.System);
        var written = 0;
        foreach (var (row, values) in cache.Rows.Zip(features).OrderBy(r => r.First.Label, StringComparer.Ordinal)
            .ThenBy(r => r.First.Split, StringComparer.Ordinal))
        {
            await writer.AddAsync(row, [values]);
            if (++written % groupRows == 0)
                await writer.FlushAsync();
        }

        await writer.FlushAsync();
    }

    private static async Task TrainAsync(string name, string folder, int? blockRows)
    {
        var results = new List<EpochRecord>();
        var mixture = 0.0;
        for (var seed = 0; seed < Seeds; seed++)
        {
            var data = await TrainingData.OpenAsync(folder, null, null, 0.2, seed, CancellationToken.None);
            var options = new TrainingOptions { Seed = seed };
            using var head = new Head(HeadPlan.Create(HeadSpec.Parse(HeadSpec.Reference), data.Layer, data.Classes.Count), seed, CPU);
            using var features =
                await TrainingFeatures.OpenAsync(
                    data, new MemoryPlan(null, blockRows, HoldsValidation: true), head, null, new Progress<int>(), CancellationToken.None);
            results.Add(TrainingLoop.Run(head, features.Train, features.Validation, data.Classes, options, _ => { }, TimeProvider.System,
                null, CancellationToken.None).Kept!);
            mixture += blockRows is { } rows ? BlockMixture.Distance(data, rows, seed) / Seeds : 0;
        }

        var accuracies = results.Select(r => r.Val.Accuracy).ToArray();
        var mean = accuracies.Average();
        var spread = Math.Sqrt(accuracies.Sum(a => (a - mean) * (a - mean)) / (Seeds - 1));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{name,-24} val accuracy {mean:0.0000} ± {spread:0.0000}, loss {results.Average(r => r.Val.Loss):0.0000}; mixture of a " +
            $"block {mixture:0%} off"));
    }
}
