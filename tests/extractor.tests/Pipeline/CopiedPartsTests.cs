using Headstart.Cache;

namespace Headstart.Tests.Pipeline;

/// <summary>
/// Files in a cache's folder that Headstart did not put there, and parts whose digest is gone: no row is ever lost by them.
/// </summary>
public sealed class CopiedPartsTests : IDisposable
{
    private readonly ExtractionSample _sample = new(pictures: 11);

    private string Part => _sample.Folder.File("cache/part-00000.parquet");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _sample.Dispose();

    [Theory]
    [InlineData("part-00000.bak.parquet")]
    [InlineData("part-00000 (conflicted copy).parquet")]
    [InlineData("part-00000 - Copy.parquet")]
    [InlineData("._part-00000.parquet")]
    [InlineData("part-0.parquet")]
    [InlineData("part-000000.parquet")]
    [InlineData("part-00-of-1-00000.parquet")]
    [InlineData("part-00000.parquet (1).tmp")]
    [InlineData("part-00000 - Copy.parquet.sha256")]
    public async Task A_copy_by_another_name_is_named_and_neither_read_nor_deleted(string name)
    {
        await _sample.RunAsync("cache");
        var before = await _sample.ReadAsync("cache");
        File.Copy(Part, _sample.Folder.File("cache", name));

        var again = await _sample.RunAsync("cache");

        Assert.Equal((0, 11), (again.Computed, again.Reused));
        Assert.Equal(before, await _sample.ReadAsync("cache"));
        Assert.True(File.Exists(_sample.Folder.File("cache", name)));
        var found = await CacheVerification.RunAsync(_sample.Folder.File("cache"), Cancellation);
        Assert.Empty(found.Damaged);
        Assert.Equal([name], found.Strangers);
        Assert.Equal([name], (await FeatureCache.OpenAsync(_sample.Folder.File("cache"), Cancellation)).Strangers);
    }

    [Fact]
    public async Task A_copy_of_a_folder_of_parts_being_made_is_left_alone()
    {
        await _sample.RunAsync("cache");
        var copy = _sample.Folder.File("cache/.adding (copy)");
        Directory.CreateDirectory(copy);
        File.Copy(Part, Path.Combine(copy, "part-00001.parquet"));
        await File.WriteAllTextAsync(Path.Combine(copy, "replaces.json"), """["part-00000.parquet"]""", Cancellation);

        Assert.Equal(11, (await _sample.RunAsync("cache")).Reused);

        Assert.Equal(2, Directory.GetFiles(copy).Length);
        Assert.True(File.Exists(Part));
    }

    [Fact]
    public async Task A_part_whose_digest_is_gone_is_computed_again_and_goes_only_then()
    {
        await _sample.RunAsync("cache");
        var before = await _sample.SortedAsync("cache");
        File.Delete(Part + ".sha256");
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _sample.RunAsync("cache", batch: 2, stop: stop));
        Assert.True(File.Exists(Part));

        Assert.InRange((await _sample.RunAsync("cache")).Computed, 1, 10);

        Assert.False(File.Exists(Part));
        Assert.Equal(before, await _sample.SortedAsync("cache"));
        Assert.Empty((await CacheVerification.RunAsync(_sample.Folder.File("cache"), Cancellation)).Damaged);
    }

    [Fact]
    public async Task Of_two_parts_with_the_same_rows_the_whole_one_stays()
    {
        await _sample.RunAsync("cache");
        var before = await _sample.ReadAsync("cache");

        // A copy by a writer's name that comes first, with the digest of the other's name in it.
        File.Move(Part, _sample.Folder.File("cache/part-00001.parquet"));
        var digest = (await File.ReadAllTextAsync(Part + ".sha256", Cancellation)).Split(' ')[0];
        await File.WriteAllTextAsync(
            _sample.Folder.File("cache/part-00001.parquet.sha256"), $"{digest}  part-00001.parquet\n", Cancellation);
        var damaged = await File.ReadAllBytesAsync(_sample.Folder.File("cache/part-00001.parquet"), Cancellation);
        damaged[damaged.Length / 2] ^= 1;
        await File.WriteAllBytesAsync(Part, damaged, Cancellation);

        Assert.Equal((0, 11), ((await _sample.RunAsync("cache")) is var again ? (again.Computed, again.Reused) : default));

        Assert.False(File.Exists(Part));
        Assert.Equal(before, await _sample.ReadAsync("cache"));
    }

    [Fact]
    public async Task A_part_that_came_while_a_layer_was_being_added_is_not_taken_for_a_replaced_one()
    {
        await _sample.RunAsync("cache", layers: ["block1_pool"]);
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _sample.RunAsync("cache", batch: 2, stop: stop));
        File.Move(_sample.Picture("cats/10.jpg"), _sample.Picture("dogs/moved.jpg"));

        await _sample.RunAsync("cache", batch: 2);

        await _sample.RunAsync("fresh", batch: 2);
        Assert.Equal((await _sample.SortedAsync("fresh")).Select(r => r.Row), (await _sample.SortedAsync("cache")).Select(r => r.Row));
    }
}
