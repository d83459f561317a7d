using System.Security.Cryptography;
using Headstart.Extraction.Shelf;
using Headstart.Tests.Import;

namespace Headstart.Tests.Shelf;

/// <summary>What is compared with what, over several fetches.</summary>
public sealed class WeightsCheckTests : IAsyncDisposable
{
    private readonly byte[] _content = ShelfSample.Safetensors();
    private readonly ShelfSample _sample;
    private readonly ShelfModel _model;
    private readonly ShelfModel _published;

    public WeightsCheckTests()
    {
        _sample = new ShelfSample(_content);
        _model = _sample.Model("weights.safetensors");
        var digest = Convert.ToHexStringLower(SHA256.HashData(_content));
        _published = _model with { Checksum = new PublishedChecksum(ChecksumAlgorithm.Sha256, digest, "https://example.org/sha256") };
    }

    public ValueTask DisposeAsync() => _sample.DisposeAsync();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Later_fetches_are_compared_with_the_first(bool whole)
    {
        await _sample.FetchAsync(_model);
        File.Delete(_sample.Shelf.Base(_model));
        _sample.Server.Content = ShelfSample.Safetensors(first: 0.5f);

        var message = await _sample.FailsAsync(_model, whole: whole);

        Assert.Contains("tensor 'features.0.weight' has another SHA-256", message, StringComparison.Ordinal);
        Assert.Contains(_sample.Shelf.Record(_model), message, StringComparison.Ordinal);
        Assert.Equal([_sample.Shelf.Record(_model)], Directory.EnumerateFiles(Path.GetDirectoryName(_sample.Shelf.Record(_model))!));

        File.Delete(_sample.Shelf.Record(_model));
        await _sample.FetchAsync(_model);
    }

    [Fact]
    public async Task Without_a_published_checksum_a_whole_file_is_recorded_too()
    {
        var first = await _sample.FetchAsync(_model, whole: true);
        Assert.Contains("its SHA-256 is recorded", string.Join(' ', first.Checks), StringComparison.Ordinal);
        File.Delete(first.Path);
        var other = ShelfSample.Safetensors();
        other[^1] = 1; // In the classifier.
        _sample.Server.Content = other;

        Assert.Contains("it has another SHA-256", await _sample.FailsAsync(_model, whole: true), StringComparison.Ordinal);
        var fetched = await _sample.FetchAsync(_model); // The base is the same.
        Assert.False(fetched.IsWhole);
    }

    [Fact]
    public async Task The_base_alone_says_that_the_published_checksum_was_not_checked()
    {
        var part = await _sample.FetchAsync(_published);
        Assert.Contains("can't be checked", string.Join(' ', part.Checks), StringComparison.Ordinal);
        Assert.Contains("--whole", string.Join(' ', part.Checks), StringComparison.Ordinal);

        var whole = await _sample.FetchAsync(_published, whole: true);
        Assert.Contains($"the one that is published, {_published.Checksum!.Digest}", Assert.Single(whole.Checks), StringComparison.Ordinal);

        File.Delete(whole.Path);
        var later = await _sample.FetchAsync(_published);
        Assert.Contains("which had the published checksum", later.Checks[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_published_checksum_overrules_the_record_of_an_earlier_fetch()
    {
        _sample.Server.Content = ShelfSample.Safetensors(first: 0.5f);
        await _sample.FetchAsync(_published);
        _sample.Server.Content = _content;

        var whole = await _sample.FetchAsync(_published, whole: true);

        Assert.Contains("tensor 'features.0.weight' has another SHA-256", whole.Checks[1], StringComparison.Ordinal);
        Assert.Contains("Make models from that fetch again", whole.Checks[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_shelf_with_another_source_begins_another_record()
    {
        await _sample.FetchAsync(_model);
        File.Delete(_sample.Shelf.Base(_model));
        _sample.Server.Content = ShelfSample.Safetensors(first: 0.5f);

        var fetched = await _sample.FetchAsync(_model with { Addresses = [_sample.Server.Address + "?v=2"] });

        Assert.Contains("This is the first fetch", string.Join(' ', fetched.Checks), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_record_says_when_and_from_where()
    {
        await _sample.FetchAsync(_model, time: new StoppedClock(new DateTimeOffset(2026, 2, 3, 4, 5, 6, TimeSpan.Zero)));

        var record = FetchRecord.Read(_sample.Shelf.Record(_model), _model)!;

        Assert.Equal((_sample.Server.Address, new DateTimeOffset(2026, 2, 3, 4, 5, 6, TimeSpan.Zero), false, 8),
            (record.From, record.RecordedAt, record.IsChecked, record.Tensors!.Count));
        var bias = WeightFiles.TorchTensors()["features.0.bias"].Values.SelectMany(BitConverter.GetBytes).ToArray();
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(bias)), record.Tensors["features.0.bias"]);
        Assert.Contains("on 2026-02-03 from", string.Join(' ', (await _sample.FetchAsync(_model)).Checks), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_damaged_record_is_an_error_and_not_a_fresh_start()
    {
        await _sample.FetchAsync(_model);
        await File.WriteAllTextAsync(_sample.Shelf.Record(_model), "{", TestContext.Current.CancellationToken);

        Assert.Contains("Delete it to begin a new one", await _sample.FailsAsync(_model), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_is_checked_like_the_original_and_used_where_it_lies()
    {
        var copy = _sample.Folder.Write("copy.safetensors", _content);

        var fetched = await _sample.FetchAsync(_published, from: copy);

        Assert.Equal((copy, true, 0L), (fetched.Path, fetched.IsWhole, fetched.ReceivedBytes));
        Assert.Contains("published", Assert.Single(fetched.Checks), StringComparison.Ordinal);
        Assert.Empty(_sample.Server.Requests);
        var other = _sample.Folder.Write("other.safetensors", ShelfSample.Safetensors(first: 0.5f));
        var message = await _sample.FailsAsync(_published, from: other);
        Assert.Contains("publishes", message, StringComparison.Ordinal);
        Assert.Contains("extractor model import", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_base_that_was_fetched_elsewhere_is_taken_as_a_file()
    {
        var fetched = await _sample.FetchAsync(_published);
        var carried =
            _sample.Folder.Write("carried.safetensors", await File.ReadAllBytesAsync(fetched.Path, TestContext.Current.CancellationToken));
        File.Delete(fetched.Path);

        var from = await _sample.FetchAsync(_published, from: carried);

        Assert.Equal((carried, false), (from.Path, from.IsWhole));
        Assert.Contains("the same as at the first fetch", from.Checks[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_mirror_is_used_instead_of_the_shelfs_address()
    {
        var fetched = await _sample.FetchAsync(
            _model with { Addresses = ["https://example.invalid/weights.safetensors"] }, from: _sample.Server.Address);

        Assert.Equal(_sample.Server.Address, fetched.From);
    }

    [Theory]
    [InlineData("ftp://example.org/weights.safetensors", "neither a file nor an http")]
    [InlineData("nowhere.safetensors", "No such file: nowhere.safetensors")]
    [InlineData(".", "is a folder")]
    public async Task A_source_that_makes_no_sense_is_named(string from, string expected) =>
        Assert.Contains(expected, await _sample.FailsAsync(_model, from), StringComparison.Ordinal);

    [Fact]
    public async Task A_pickle_is_never_read()
    {
        var pickle = _sample.Folder.Write("vgg16-397923af.pth", [0x80, 2, 0x8a, 0x0a]);

        Assert.Contains("is a pickle", await _sample.FailsAsync(_model, from: pickle), StringComparison.Ordinal);
    }

    private sealed class StoppedClock(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
