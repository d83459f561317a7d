namespace Headstart.Tests.Pipeline;

/// <summary>A run over a cache that is there already: whole, in part, or of pictures that have changed since.</summary>
public sealed class ExtractionResumeTests : IDisposable
{
    private readonly ExtractionSample _sample = new(pictures: 11);

    public void Dispose() => _sample.Dispose();

    [Fact]
    public async Task A_second_run_computes_only_what_is_new_or_changed_and_drops_what_is_gone()
    {
        await _sample.RunAsync("cache");
        File.Delete(_sample.Picture("cats/02.jpg"));
        _sample.WritePicture("dogs/03.jpg", 99);
        _sample.WritePicture("birds/1.jpg", 100);

        var second = await _sample.RunAsync("cache");
        var third = await _sample.RunAsync("cache");

        Assert.Equal((11, 2, 9, 1), (second.Images, second.Computed, second.Reused, second.Removed));
        Assert.Equal((11, 0, 11, 0), (third.Images, third.Computed, third.Reused, third.Removed));
        await _sample.RunAsync("fresh");
        Assert.Equal(await _sample.SortedAsync("fresh"), await _sample.SortedAsync("cache"));
    }

    [Fact]
    public async Task Moved_renamed_and_relabelled_images_are_not_computed_again()
    {
        await _sample.RunAsync("cache");
        File.Move(_sample.Picture("cats/00.jpg"), _sample.Picture("cats/renamed.jpg"));
        File.Move(_sample.Picture("cats/02.jpg"), _sample.Picture("dogs/02.jpg"));

        var result = await _sample.RunAsync("cache");

        Assert.Equal((11, 0, 11, 2, 0), (result.Images, result.Computed, result.Reused, result.Moved, result.Removed));
        await _sample.RunAsync("fresh");
        Assert.Equal(await _sample.SortedAsync("fresh"), await _sample.SortedAsync("cache"));
    }

    [Fact]
    public async Task Exact_duplicates_are_computed_once_whenever_they_come()
    {
        File.Copy(_sample.Picture("cats/00.jpg"), _sample.Picture("dogs/copy-1.jpg"));
        File.Copy(_sample.Picture("cats/00.jpg"), _sample.Picture("dogs/copy-2.jpg"));
        var first = await _sample.RunAsync("cache");
        File.Copy(_sample.Picture("cats/00.jpg"), _sample.Picture("dogs/copy-3.jpg"));
        var second = await _sample.RunAsync("cache");

        Assert.Equal((13, 11, 2, 0), (first.Images, first.Computed, first.Duplicates, first.Reused));
        Assert.Equal((14, 0, 0, 14), (second.Images, second.Computed, second.Duplicates, second.Reused));
        var rows = await _sample.ReadAsync("cache");
        Assert.Equal(14, rows.Select(r => r.Row.Path).Distinct().Count());
        Assert.Single(
            rows.Where(r => r.Row.Sha256 == rows.Single(x => x.Row.Path == "cats/00.jpg").Row.Sha256).Select(r => r.Features).Distinct());
    }

    [Fact]
    public async Task A_changed_file_is_seen_by_its_time_or_size_and_on_demand_by_its_bytes()
    {
        await _sample.RunAsync("cache");
        var path = _sample.Picture("cats/00.jpg");
        var settled = new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        File.SetLastWriteTimeUtc(path, settled);
        await _sample.RunAsync("cache");

        // Same size, same time, other bytes: a JPEG's last byte after its end marker is no picture.
        var bytes = File.ReadAllBytes(path);
        bytes[^1] ^= 1;
        File.WriteAllBytes(path, bytes);
        File.SetLastWriteTimeUtc(path, settled);

        Assert.Equal(0, (await _sample.RunAsync("cache")).Computed);
        var rehashed = await _sample.RunAsync("cache", rehash: true);
        Assert.Equal(10, rehashed.Reused);
    }

    [Fact]
    public async Task A_link_to_another_picture_is_another_picture()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need rights on Windows.");
        var link = _sample.Picture("cats/link.jpg");
        File.CreateSymbolicLink(link, WriteOutside("first.jpg", 77));
        await _sample.RunAsync("cache");
        File.Delete(link);
        File.CreateSymbolicLink(link, WriteOutside("other.jpg", 78));

        Assert.Equal(1, (await _sample.RunAsync("cache")).Computed);

        string WriteOutside(string name, int seed)
        {
            _sample.WritePicture($"../{name}", seed);
            File.SetLastWriteTimeUtc(_sample.Folder.File(name), new DateTime(2020, 1, seed - 70, 0, 0, 0, DateTimeKind.Utc));
            return _sample.Folder.File(name);
        }
    }

    [Fact]
    public async Task A_cancelled_run_keeps_what_it_computed_and_the_next_one_goes_on_from_there()
    {
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _sample.RunAsync("cache", batch: 2, stop: stop));

        var result = await _sample.RunAsync("cache", batch: 2);

        Assert.InRange(result.Reused, 1, 10);
        Assert.Equal(11, result.Computed + result.Reused);
        await _sample.RunAsync("whole", batch: 2);
        Assert.Equal(await _sample.ReadAsync("whole"), await _sample.ReadAsync("cache"));
    }

    [Fact]
    public async Task A_fault_while_writing_ends_the_run_instead_of_hanging()
    {
        var fault = await Assert.ThrowsAsync<InvalidOperationException>(
            () => _sample.RunAsync("cache", batch: 2, report: _ => throw new InvalidOperationException("writer")));

        Assert.Equal("writer", fault.Message);
    }
}
