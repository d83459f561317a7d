using Headstart.Cache;
using Headstart.Models;

namespace Headstart.Tests.Cache;

/// <summary>Wherever a replacement is interrupted, readers find each row once, and the next run finishes.</summary>
public sealed class CacheReplacementTests : IDisposable
{
    private static readonly ModelLayer Old = new("old", new LayerShape(2, 3, 3));
    private static readonly ModelLayer New = new("new", new LayerShape(4, 1, 1));

    private readonly TemporaryFolder _folder = new();

    private CancellationToken Cancellation { get; } = TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Parts_being_made_are_nobodys_business()
    {
        var replacement = await BeginAsync();

        await AssertHoldsAsync([Old]);
        new CacheFolder(_folder.Path).CleanUp();
        Assert.True(Directory.Exists(replacement.Path));
        await AssertHoldsAsync([Old]);
    }

    [Fact]
    public async Task Complete_parts_take_the_others_place()
    {
        var replacement = await BeginAsync();

        replacement.Complete(new CacheFolder(_folder.Path).Parts);

        await AssertHoldsAsync([Old, New]);
        Assert.False(Directory.Exists(replacement.Path));
        Assert.Equal(
            ["part-00002.parquet", "part-00003.parquet"], Directory.GetFiles(_folder.Path, "*.parquet").Select(Path.GetFileName).Order());
    }

    /// <summary>
    /// The steps of putting in place: the list; each old part, then its digest; each new digest, then its part; the folder.
    /// </summary>
    [Fact]
    public async Task Interrupted_after_any_step_the_cache_is_the_new_one()
    {
        var begun = (await BeginAsync()).Path;
        var replacedList = Path.Combine(begun, "replaces.json");
        await File.WriteAllTextAsync(replacedList, """["part-00000.parquet","part-00001.parquet"]""", Cancellation);
        var steps = new List<Action>();
        foreach (var name in new[] { "part-00000.parquet", "part-00000.parquet.sha256", "part-00001.parquet", "part-00001.parquet.sha256" })
            steps.Add(() => File.Delete(_folder.File(name)));
        foreach (var name in new[] { "part-00002.parquet", "part-00003.parquet" })
        {
            steps.Add(() => File.Copy(Path.Combine(begun, name + ".sha256"), _folder.File(name + ".sha256")));
            steps.Add(() => File.Move(Path.Combine(begun, name), _folder.File(name)));
        }

        await AssertHoldsAsync([Old, New]);
        foreach (var step in steps)
        {
            step();
            await AssertHoldsAsync([Old, New]);
            Assert.Empty((await CacheVerification.RunAsync(_folder.Path, Cancellation)).Damaged);

            using var copy = Copy();
            new CacheFolder(copy.Path).CleanUp();
            await AssertHoldsAsync([Old, New], copy.Path);
            Assert.Empty(Directory.GetDirectories(copy.Path));
            Assert.Equal(4, Directory.GetFiles(copy.Path).Length);
        }
    }

    [Fact]
    public async Task A_shards_replacement_is_its_own_affair_and_a_run_over_everything_puts_it_in_place()
    {
        var contract = CacheSamples.Contract(Old);
        foreach (var index in new[] { 0, 1 })
        {
            var shard = new CacheFolder(_folder.Path, new Shard(index, 2));
            var writer = new CacheWriter(shard, contract, TimeProvider.System);
            await writer.AddAsync(CacheSamples.Row(index), [CacheSamples.Features(index, Old)]);
            await writer.FlushAsync();
        }

        var first = new CacheFolder(_folder.Path, new Shard(0, 2));
        await AddAsync(first.Replacement, 0, 1);
        await File.WriteAllTextAsync(
            Path.Combine(first.Replacement.Path, "replaces.json"), """["part-0-of-2-00000.parquet"]""", Cancellation);

        new CacheFolder(_folder.Path, new Shard(1, 2)).CleanUp();
        Assert.True(Directory.Exists(first.Replacement.Path));
        var cache = await FeatureCache.OpenAsync(_folder.Path, Cancellation);
        Assert.Equal([CacheSamples.Row(0), CacheSamples.Row(1)], cache.Rows);
        Assert.Equal((Old, New), (Assert.Single(cache.Contract.Layers), Assert.Single(cache.PartialLayers)));

        new CacheFolder(_folder.Path).CleanUp();
        Assert.False(Directory.Exists(first.Replacement.Path));
        Assert.Equal(["part-0-of-2-00001.parquet", "part-1-of-2-00000.parquet"],
            Directory.GetFiles(_folder.Path, "*.parquet").Select(Path.GetFileName).Order());
    }

    [Fact]
    public async Task A_list_of_replaced_parts_that_cannot_be_read_is_named()
    {
        var replacement = await BeginAsync();
        await File.WriteAllTextAsync(Path.Combine(replacement.Path, "replaces.json"), "no list", Cancellation);

        var error = await Assert.ThrowsAsync<CommandException>(() => FeatureCache.OpenAsync(_folder.Path, Cancellation));

        Assert.Contains("replaces.json can't be read", error.Message, StringComparison.Ordinal);
    }

    /// <summary>A cache of two parts with one layer, and all its rows with two layers beside it.</summary>
    private async Task<CacheReplacement> BeginAsync()
    {
        var contract = CacheSamples.Contract(Old);
        await CacheSamples.WriteAsync(_folder.Path, contract, 0, 3);
        await CacheSamples.WriteAsync(_folder.Path, contract, 3, 2);
        var replacement = new CacheFolder(_folder.Path).Replacement;
        await AddAsync(replacement, 0, 2);
        await AddAsync(replacement, 2, 3);
        return replacement;
    }

    private static async Task AddAsync(CacheReplacement replacement, int first, int count)
    {
        var writer = replacement.CreateWriter(CacheSamples.Contract(Old, New), TimeProvider.System);
        for (var i = first; i < first + count; i++)
            await writer.AddAsync(CacheSamples.Row(i), [CacheSamples.Features(i, Old), CacheSamples.Features(i, New)]);
        await writer.FlushAsync();
    }

    private TemporaryFolder Copy()
    {
        var copy = new TemporaryFolder();
        foreach (var file in Directory.GetFiles(_folder.Path, "*", SearchOption.AllDirectories))
            copy.Write(Path.GetRelativePath(_folder.Path, file), File.ReadAllBytes(file));
        return copy;
    }

    private async Task AssertHoldsAsync(ModelLayer[] layers, string? folder = null)
    {
        var cache = await FeatureCache.OpenAsync(folder ?? _folder.Path, Cancellation);
        Assert.Equal(layers, cache.Contract.Layers);
        Assert.Equal(Enumerable.Range(0, 5).Select(CacheSamples.Row), cache.Rows);
        foreach (var layer in layers)
            Assert.Equal(
                Enumerable.Range(0, 5).Select(i => CacheSamples.Features(i, layer)), await CacheSamples.ReadLayerAsync(cache, layer.Name));
    }
}
