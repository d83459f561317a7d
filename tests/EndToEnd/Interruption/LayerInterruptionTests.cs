using System.Text.Json;
using Headstart.Tests.Programs;

namespace Headstart.Tests.Interruption;

/// <summary>A layer is added to all rows or to none, whatever ends the run.</summary>
public sealed class LayerInterruptionTests(LayerSample sample) : IClassFixture<LayerSample>
{
    /// <summary>At the first new part, and at the list of replaced parts, which makes the new ones the cache's.</summary>
    public static TheoryData<string, string> Moments => new(
        from first in LayerSample.Layers
        from file in (string[])[".parquet.tmp", "replaces.json.tmp", "replaces.json"]
        select (first, file));

    [Theory]
    [MemberData(nameof(Moments))]
    public async Task Killed_as_a_file_gets_its_name_the_layer_is_in_all_rows_or_in_none(string first, string file)
    {
        var cache = sample.File($"{first} killed at {file}");
        for (var attempt = 0; ; attempt++)
        {
            LayerSample.Copy(sample.First(first), cache);
            var run = await KillAtFile.Run(
                cache, sample.Extract(cache, LayerSample.Other(first)),
                path => path.StartsWith(".adding", StringComparison.Ordinal) && path.EndsWith(file, StringComparison.Ordinal));

            // The list is the last thing that is written: a kill may come too late, but not always.
            if (run.ExitCode == KillAtFile.Killed && Directory.GetDirectories(cache, ".adding*").Length > 0)
                break;
            Assert.True(attempt < 9, $"Ten kills came too late.{Environment.NewLine}{run.Everything}");
            Directory.Delete(cache, recursive: true);
        }

        Assert.InRange(await LayersOf(cache), 1, file == ".parquet.tmp" ? 1 : 2);
        await AssertMendedBy(sample.Extract(cache, LayerSample.Other(first)), cache, first);
    }

    [Theory]
    [InlineData("block1_pool")]
    [InlineData("block2_pool")]
    [Trait("Category", "Slow")]
    public async Task Killed_at_random_moments_the_layer_is_in_all_rows_or_in_none(string first)
    {
        var random = new Random(7);
        var cache = sample.File($"{first} killed at random");
        LayerSample.Copy(sample.First(first), cache);
        var (before, kills) = (1, 0);
        for (; kills < 12; kills++)
        {
            var (events, moment) = (0, random.Next(1, 12));
            var run = await KillAtFile.Run(
                cache, sample.Extract(cache, LayerSample.Other(first)), _ => ++events == moment,
                    TimeSpan.FromMilliseconds(random.Next(0, 60)));
            if (run.ExitCode != KillAtFile.Killed)
            {
                run.EndedWith(0);
                break;
            }

            var layers = await LayersOf(cache);
            Assert.InRange(layers, before, 2);
            before = layers;
        }

        Assert.True(kills > 0, "No kill hit the run.");
        await AssertMendedBy(sample.Extract(cache, LayerSample.Other(first)), cache, first);
    }

    /// <summary>How many layers a cache has in all its rows, of which none was lost.</summary>
    private static async Task<int> LayersOf(string cache)
    {
        (await ProgramRun.Extractor("cache", "verify", cache)).EndedWith(0);
        var info = JsonDocument.Parse((await ProgramRun.Extractor("cache", "info", cache, "--json")).EndedWith(0).Output).RootElement;
        Assert.Equal(LayerSample.Images, info.GetProperty("rows").GetInt32());
        return info.GetProperty("layers").EnumerateObject().Count();
    }

    private async Task AssertMendedBy(string[] extract, string cache, string first)
    {
        (await ProgramRun.Extractor(extract)).EndedWith(0);
        await CacheRows.AssertEqual(sample.Whole(first), cache, LayerSample.Images);
        Assert.Equal(
            (long)LayerSample.Images,
            await CacheRows.Query($"select count(*) from '{cache}/*.parquet' where len(block1_pool) > 0 and len(block2_pool) > 0"));
    }
}
