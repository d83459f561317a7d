using Headstart.Cache;

namespace Headstart.Tests.Pipeline;

/// <summary>A cache knows whether the last run dealt with every image, and never says so wrongly.</summary>
public sealed class CompletenessTests : IDisposable
{
    private readonly ExtractionSample _sample = new(pictures: 11);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _sample.Dispose();

    [Fact]
    public async Task An_interrupted_run_is_incomplete_with_its_numbers_and_the_next_one_completes_it()
    {
        await StopAsync();

        var cut = await OfAsync();
        Assert.Equal((false, 11), (cut.Complete, cut.Images));
        Assert.InRange(cut.Done!.Value, 1, 10);
        Assert.Equal($"incomplete: {cut.Done} of 11 images; run extract again to go on", cut.Words);

        await _sample.RunAsync("cache");
        Assert.Equal((true, "complete: 11 images"), ((await OfAsync()) is var whole ? (whole.Complete, whole.Words) : default));
    }

    [Fact]
    public async Task A_complete_cache_of_a_set_that_grew_is_incomplete_once_a_run_has_begun_and_was_ended()
    {
        await _sample.RunAsync("cache");
        for (var i = 20; i < 30; i++)
            _sample.WritePicture($"cats/{i}.jpg", i);
        Assert.True((await OfAsync()).Complete);

        await StopAsync();

        var cut = await OfAsync();
        Assert.Equal((false, 21), (cut.Complete, cut.Images));
        Assert.InRange(cut.Done!.Value, 12, 20);
    }

    [Fact]
    public async Task Views_and_layers_that_are_being_added_are_wanting_until_they_are_there()
    {
        await _sample.RunAsync("cache", layers: ["block1_pool"]);
        await StopAsync();
        Assert.Contains("not in all rows", (await OfAsync()).Words, StringComparison.Ordinal);
        await _sample.RunAsync("cache");
        Assert.True((await OfAsync()).Complete);

        await StopAsync(views: 2);
        Assert.Contains("of 11 images with 2 views each", (await OfAsync()).Words, StringComparison.Ordinal);
        await _sample.RunAsync("cache", views: 2);
        Assert.True((await OfAsync()).Complete);
    }

    [Fact]
    public async Task Parts_that_went_away_after_a_complete_run_are_missed()
    {
        foreach (var index in new[] { 0, 1, 2 })
            await _sample.RunAsync("cache", shard: new Shard(index, 3));
        Assert.Equal("complete: 11 images in 3 shards", (await OfAsync()).Words);

        File.Delete(_sample.Folder.File("cache/part-1-of-3-00000.parquet"));

        var cut = await OfAsync();
        Assert.False(cut.Complete);
        Assert.Matches(@"^incomplete: shard 1 of 3: 0 of \d images; run extract for it again", cut.Words);
    }

    [Fact]
    public async Task Shards_that_have_not_run_are_named_and_a_run_over_everything_takes_over()
    {
        await _sample.RunAsync("cache", shard: new Shard(1, 4));
        var cut = await OfAsync();
        Assert.Equal([0, 2, 3], cut.MissingShards);
        Assert.StartsWith("incomplete: shards 0, 2 and 3 of 4 are not there; ", cut.Words, StringComparison.Ordinal);

        await _sample.RunAsync("cache");
        Assert.Equal("complete: 11 images", (await OfAsync()).Words);
    }

    [Fact]
    public async Task A_cache_without_a_record_is_not_known_to_be_complete_and_a_run_without_work_makes_it_known()
    {
        await _sample.RunAsync("cache");
        File.Delete(_sample.Folder.File("cache/.extraction.json"));
        var cache = await FeatureCache.OpenAsync(_sample.Folder.File("cache"), Cancellation);
        Assert.Null(cache.Completeness.Complete);
        using var said = new StringWriter();
        FolderWords.Warn(cache, requireComplete: false, said);
        Assert.Equal("", said.ToString());
        Assert.Contains("not known whether it is complete",
            Assert.Throws<CommandException>(() => FolderWords.Warn(cache, requireComplete: true, said)).Message, StringComparison.Ordinal);

        Assert.Equal(0, (await _sample.RunAsync("cache")).Computed);
        Assert.True((await OfAsync()).Complete);
    }

    [Fact]
    public async Task Rejected_images_are_dealt_with_unless_they_are_too_many()
    {
        _sample.Folder.Write("pictures/cats/broken.jpg", [1, 2, 3]);
        await _sample.RunAsync("cache");
        Assert.Equal("complete: 12 images, 1 rejected", (await OfAsync()).Words);

        await _sample.RunAsync("cache", maxRejected: 5);
        var failed = await OfAsync();
        Assert.False(failed.Complete);
        Assert.Contains("1 of 12 images were rejected, more than --max-rejected 5", failed.Words, StringComparison.Ordinal);
    }

    [Fact]
    public async Task As_many_rows_of_other_images_do_not_make_a_cache_whole()
    {
        await _sample.RunAsync("cache");
        await _sample.RunAsync("other");
        foreach (var picture in Directory.GetFiles(_sample.Folder.File("pictures"), "*.jpg", SearchOption.AllDirectories))
            File.Move(picture, Path.Combine(Path.GetDirectoryName(picture)!, "other-" + Path.GetFileName(picture)));
        await _sample.RunAsync("other");
        foreach (var part in Directory.GetFiles(_sample.Folder.File("cache"), "part-*"))
            File.Delete(part);
        foreach (var part in Directory.GetFiles(_sample.Folder.File("other"), "part-*"))
            File.Copy(part, Path.Combine(_sample.Folder.File("cache"), Path.GetFileName(part)));

        Assert.Equal(
            "incomplete: it has other images than those that extract left there; run extract again to go on", (await OfAsync()).Words);
    }

    [Fact]
    public async Task Rows_that_are_there_twice_are_warned_of_and_the_next_run_keeps_one_of_each()
    {
        await _sample.RunAsync("cache");
        var part = _sample.Folder.File("cache/part-00000.parquet");
        File.Copy(part, _sample.Folder.File("cache/part-00007.parquet"));
        var digest = await File.ReadAllTextAsync(part + ".sha256", Cancellation);
        var copied = digest.Replace("part-00000", "part-00007", StringComparison.Ordinal);
        await File.WriteAllTextAsync(_sample.Folder.File("cache/part-00007.parquet.sha256"), copied, Cancellation);

        var cache = await FeatureCache.OpenAsync(_sample.Folder.File("cache"), Cancellation);
        using var said = new StringWriter();
        FolderWords.Warn(cache, requireComplete: false, said);
        Assert.Contains("has 11 rows twice", said.ToString(), StringComparison.Ordinal);

        await _sample.RunAsync("cache");
        Assert.Equal(0, (await FeatureCache.OpenAsync(_sample.Folder.File("cache"), Cancellation)).Doubled);
    }

    private async Task StopAsync(int views = 0)
    {
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _sample.RunAsync("cache", batch: 2, views: views, stop: stop));
    }

    private async Task<CacheCompleteness> OfAsync() =>
        (await FeatureCache.OpenAsync(_sample.Folder.File("cache"), Cancellation)).Completeness;
}
