using Headstart.Cache;
using Headstart.Trainer.Features;
using static TorchSharp.torch;

namespace Headstart.Bench;

/// <summary>How fast features come out of a cache, and what checking the digests costs.</summary>
internal static class ReadingBenchmark
{
    public static async Task RunAsync(string folder, int rounds)
    {
        var cache = await FeatureCache.OpenAsync(folder, CancellationToken.None);
        var layer = cache.Contract.Layers[^1];
        var megabytes = (double)cache.Rows.Count * layer.Shape.Length * sizeof(float) / 1e6;
        Console.WriteLine(
            $"{cache.Rows.Count} rows of {layer.Name} ({layer.Shape}), {megabytes:N0} MB of floats in {cache.RowGroups.Count} parts");

        var buffers = cache.RowGroups.ToDictionary(g => g, g => new float[g.RowCount * layer.Shape.Length]);
        var turns = new Turns(rounds);
        turns.Add("read, 1 thread", "MB", () => ReadAsync(1));
        turns.Add($"read, {Environment.ProcessorCount} threads", "MB", () => ReadAsync(Environment.ProcessorCount));
        turns.Add("digests alone, 1 thread", "MB", () =>
        {
            foreach (var part in cache.RowGroups.Select(g => g.PartPath).Distinct())
                CachePart.ReadWhole(part).Dispose();
            return Task.FromResult(megabytes);
        });

        // As training from disk keeps what it has read once.
        using var spill = SpillFile.TryCreate(folder, cache.Rows.Count) ?? throw new IOException($"{folder} takes no file");
        await ReadAsync(1);
        foreach (var group in cache.RowGroups)
        {
            for (var i = 0; i < group.RowCount; i++)
                spill.Add(group.FirstRow + i, buffers[group].AsSpan(i * layer.Shape.Length, layer.Shape.Length));
        }

        using var target = empty(cache.RowGroups.Max(g => g.RowCount), layer.Shape.Length);
        turns.Add("a training's temporary file, 1 thread", "MB", () =>
        {
            foreach (var group in cache.RowGroups)
            {
                if (!spill.TryRead(group.FirstRow, [.. Enumerable.Range(0, group.RowCount).Select(i => new RowPlace(target, i))]))
                    throw new IOException("the disk has no room for the temporary file");
            }

            return Task.FromResult(megabytes);
        });
        await turns.RunAsync();

        async Task<double> ReadAsync(int threads)
        {
            var options = new ParallelOptions { MaxDegreeOfParallelism = threads };
            await Parallel.ForEachAsync(
                cache.RowGroups, options, async (group, stop) => await cache.ReadAsync(group, layer.Name, buffers[group], stop));
            return megabytes;
        }
    }
}
