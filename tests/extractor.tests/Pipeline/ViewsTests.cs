using Headstart.Cache;

namespace Headstart.Tests.Pipeline;

public sealed class ViewsTests : IDisposable
{
    private readonly ExtractionSample _sample = new(pictures: 7);

    private CancellationToken Cancellation { get; } = TestContext.Current.CancellationToken;

    public void Dispose() => _sample.Dispose();

    [Fact]
    public async Task Each_image_gets_its_plain_row_and_so_many_different_views()
    {
        var result = await _sample.RunAsync("cache", views: 3);
        await _sample.RunAsync("plain");

        var rows = await _sample.ReadAsync("cache");
        Assert.Equal(
            from item in _sample.Images.Items
            from view in Enumerable.Range(0, 4)
            select (item.Path, view), rows.Select(r => (r.Row.Path, r.Row.View)));
        Assert.Equal(28, rows.Select(r => r.Features).Distinct().Count());
        Assert.Equal(await _sample.ReadAsync("plain"), rows.Where(r => r.Row.View == 0));
        Assert.Equal((7, 7, 0, 3, 28), (result.Images, result.Computed, result.Reused, result.Views, result.ComputedRows));
        Assert.Equal(0, (await FeatureCache.OpenAsync(_sample.Folder.File("cache"), Cancellation)).Contract.Augmentation!.Seed);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 5)]
    [InlineData(16, 2)]
    public async Task Workers_and_batches_change_no_view(int batch, int workers)
    {
        await _sample.RunAsync("one", views: 5, seed: 4, batch: batch, workers: 1);
        await _sample.RunAsync("many", views: 5, seed: 4, batch: batch, workers: workers);
        await _sample.RunAsync("sharded", views: 5, seed: 4, batch: batch, workers: workers, shard: new Shard(1, 2));
        await _sample.RunAsync("sharded", views: 5, seed: 4, batch: batch, workers: workers, shard: new Shard(0, 2));

        Assert.Equal(await _sample.ReadAsync("one"), await _sample.ReadAsync("many"));
        Assert.Equal(await _sample.SortedAsync("one"), await _sample.SortedAsync("sharded"));
    }

    [Fact]
    public async Task More_views_are_added_to_those_that_are_there_and_none_is_ever_dropped()
    {
        await _sample.RunAsync("cache");
        var two = await _sample.RunAsync("cache", views: 2, seed: 9);
        var four = await _sample.RunAsync("cache", views: 4);
        var none = await _sample.RunAsync("cache");

        Assert.Equal((7, 0, 14, 2), (two.Computed, two.Reused, two.ComputedRows, two.Views));
        Assert.Equal((7, 0, 14, 4), (four.Computed, four.Reused, four.ComputedRows, four.Views));
        Assert.Equal((0, 7, 0, 4), (none.Computed, none.Reused, none.ComputedRows, none.Views));
        await _sample.RunAsync("fresh", views: 4, seed: 9);
        Assert.Equal(await _sample.SortedAsync("fresh"), await _sample.SortedAsync("cache"));
    }

    [Fact]
    public async Task New_changed_moved_and_duplicate_images_get_the_views_that_the_cache_has()
    {
        await _sample.RunAsync("cache", views: 2, seed: 5);
        _sample.WritePicture("cats/new.jpg", 50);
        _sample.WritePicture("dogs/01.jpg", 51);
        File.Copy(_sample.Picture("cats/new.jpg"), _sample.Picture("dogs/copy-of-new.jpg"));
        File.Copy(_sample.Picture("cats/00.jpg"), _sample.Picture("dogs/copy-of-old.jpg"));
        File.Move(_sample.Picture("cats/02.jpg"), _sample.Picture("dogs/moved.jpg"));

        var result = await _sample.RunAsync("cache");

        Assert.Equal(
            (10, 2, 7, 1, 1, 6), (result.Images, result.Computed, result.Reused, result.Moved, result.Duplicates, result.ComputedRows));
        await _sample.RunAsync("fresh", views: 2, seed: 5);
        Assert.Equal(await _sample.SortedAsync("fresh"), await _sample.SortedAsync("cache"));
    }

    [Fact]
    public async Task Another_seed_is_refused_with_the_field_and_the_cache_left_as_it_is()
    {
        await _sample.RunAsync("cache", views: 1, seed: 5, shard: new Shard(0, 2));
        var before = await _sample.ReadAsync("cache");

        var error = await Assert.ThrowsAsync<CommandException>(() => _sample.RunAsync("cache", views: 2, seed: 6, shard: new Shard(1, 2)));

        Assert.Contains("was made with augmentation.seed '5', but this run has '6'", error.Message, StringComparison.Ordinal);
        Assert.Contains("Leave --seed out", error.Message, StringComparison.Ordinal);
        Assert.Equal(before, await _sample.ReadAsync("cache"));
    }

    [Fact]
    public async Task A_run_that_was_stopped_between_the_views_of_an_image_goes_on_there()
    {
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => _sample.RunAsync("cache", views: 3, batch: 3, stop: stop));
        var before = (await _sample.ReadAsync("cache")).Count;

        var rest = await _sample.RunAsync("cache", views: 3, batch: 3);

        Assert.InRange(before, 3, 27);
        Assert.Equal(28, before + rest.ComputedRows);
        await _sample.RunAsync("whole", views: 3, batch: 3);
        Assert.Equal(await _sample.ReadAsync("whole"), await _sample.ReadAsync("cache"));
    }

    [Fact]
    public async Task An_image_that_cannot_be_used_is_listed_once()
    {
        _sample.Folder.Write("pictures/cats/text.jpg", "no picture"u8);

        var result = await _sample.RunAsync("cache", views: 4, batch: 3);

        Assert.Equal((8, 7, 1), (result.Images, result.Computed, result.Rejected));
        Assert.Equal(2, File.ReadAllLines(_sample.Folder.File("cache/rejected.csv")).Length);
    }
}
