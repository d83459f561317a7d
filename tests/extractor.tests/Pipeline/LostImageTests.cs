namespace Headstart.Tests.Pipeline;

public sealed class LostImageTests : IDisposable
{
    private readonly ExtractionSample _sample = new(pictures: 7);

    public void Dispose() => _sample.Dispose();

    [Fact]
    public async Task An_image_that_can_no_longer_be_used_is_rejected_and_its_row_counts_as_removed()
    {
        await _sample.RunAsync("cache");
        File.WriteAllText(_sample.Picture("cats/02.jpg"), "no picture");

        var second = await _sample.RunAsync("cache");
        var third = await _sample.RunAsync("cache");

        Assert.Equal((7, 0, 6, 1, 1), (second.Images, second.Computed, second.Reused, second.Removed, second.Rejected));
        Assert.Equal((7, 0, 6, 0, 1), (third.Images, third.Computed, third.Reused, third.Removed, third.Rejected));
        Assert.DoesNotContain(await _sample.ReadAsync("cache"), r => r.Row.Path == "cats/02.jpg");
    }

    [Fact]
    public async Task A_cancelled_run_lists_the_images_it_has_rejected()
    {
        File.WriteAllText(_sample.Picture("cats/00.jpg"), "no picture");
        using var stop = new CancellationTokenSource();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _sample.RunAsync("cache", batch: 2, stop: stop));

        var lines = File.ReadAllLines(_sample.Folder.File("cache/rejected.csv"));
        Assert.Equal("path,reason", lines[0]);
        Assert.StartsWith("cats/00.jpg,", lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_first_run_remembers_the_digests_of_files_that_it_read_only_to_decode_them()
    {
        foreach (var item in _sample.Images.Items)
            File.SetLastWriteTimeUtc(item.File, new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc));

        await _sample.RunAsync("cache");

        var rows = (await _sample.ReadAsync("cache")).Select(r => (r.Row.Path, r.Row.Sha256));
        var remembered =
            File.ReadAllLines(_sample.Folder.File("cache/.image-digests.csv"))[1..].Select(l => l.Split(',')).Select(f => (f[0], f[3]));
        Assert.Equal(rows.Order(), remembered.Order());
    }
}
