using Headstart.Extraction.Shelf;

namespace Headstart.Tests.Shelf;

/// <summary>Whole files, against a real server that misbehaves.</summary>
public sealed class DownloadTests : IAsyncDisposable
{
    private readonly byte[] _content = ShelfSample.Noise();
    private readonly ShelfSample _sample;
    private readonly ShelfModel _model;

    public DownloadTests()
    {
        _sample = new ShelfSample(_content);
        _model = _sample.Model("weights.h5", published: _content);
    }

    private string Target => _sample.Shelf.Whole(_model);

    private LoopbackServer Server => _sample.Server;

    public ValueTask DisposeAsync() => _sample.DisposeAsync();

    [Fact]
    public async Task Fetches_the_file_checks_it_and_leaves_nothing_else()
    {
        var fetched = await _sample.FetchAsync(_model);

        Assert.Equal(
            (Target, true, Server.Address, (long)_content.Length), (fetched.Path, fetched.IsWhole, fetched.From, fetched.ReceivedBytes));
        Assert.Equal(_content, await File.ReadAllBytesAsync(Target, TestContext.Current.CancellationToken));
        Assert.Contains("MD5", Assert.Single(fetched.Checks), StringComparison.Ordinal);
        Assert.Contains("https://example.org/md5", fetched.Checks[0], StringComparison.Ordinal);
        Assert.Equal(["record.json", "weights.h5"], Files());
        Assert.Empty(_sample.Said);
    }

    [Fact]
    public async Task A_second_fetch_of_a_whole_file_downloads_nothing()
    {
        await _sample.FetchAsync(_model);

        var second = await _sample.FetchAsync(_model);

        Assert.Equal((Target, 0L), (second.Path, second.ReceivedBytes));
        Assert.Single(Server.Requests);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Goes_on_where_the_connection_broke(bool resets)
    {
        Server.Mishaps.Enqueue(new Mishap(CutAfter: 300_000, resets));
        Server.Mishaps.Enqueue(new Mishap(CutAfter: 500_000, resets));

        var fetched = await _sample.FetchAsync(_model);

        Assert.Equal(_content, await File.ReadAllBytesAsync(Target, TestContext.Current.CancellationToken));
        if (!resets) // A reset may take with it what still lay in the client's buffer.
            Assert.Equal([null, "bytes=300000-", "bytes=800000-"], Server.Requests.Select(r => r.Range));
        Assert.Equal([null, "\"one\"", "\"one\""], Server.Requests.Select(r => r.IfRange));
        Assert.Equal(_content.Length, fetched.ReceivedBytes);
        Assert.Equal(2, _sample.Said.Count);
        Assert.Contains("Attempt 3 of 5", _sample.Said[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_later_run_goes_on_where_an_earlier_one_gave_up()
    {
        _sample.Options = _sample.Options with { Attempts = 2 };
        Server.Mishaps.Enqueue(new Mishap(CutAfter: 300_000));
        Server.Mishaps.Enqueue(new Mishap(CutAfter: 100_000));

        var message = await _sample.FailsAsync(_model);
        Assert.Contains(Server.Address, message, StringComparison.Ordinal);
        Assert.Contains("2 attempts", message, StringComparison.Ordinal);
        Assert.Contains("0.4 MB) is kept: run the same command again", message, StringComparison.Ordinal);
        Assert.Contains("--from FILE", message, StringComparison.Ordinal);
        Assert.False(File.Exists(Target));

        var fetched = await _sample.FetchAsync(_model);
        Assert.Equal(600_000, fetched.ReceivedBytes);
        Assert.Equal(_content, await File.ReadAllBytesAsync(Target, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_file_that_changed_on_the_server_is_begun_anew()
    {
        _sample.Options = _sample.Options with { Attempts = 1 };
        Server.Content = ShelfSample.Noise(seed: 2);
        Server.Mishaps.Enqueue(new Mishap(CutAfter: 300_000));
        await _sample.FailsAsync(_model);
        (Server.Content, Server.ETag) = (_content, "\"two\"");

        var fetched = await _sample.FetchAsync(_model);

        Assert.Equal("\"one\"", Server.Requests[1].IfRange);
        Assert.Equal(_content.Length, fetched.ReceivedBytes);
        Assert.Equal(_content, await File.ReadAllBytesAsync(Target, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_server_that_sends_the_whole_file_whatever_it_is_asked_for_is_understood()
    {
        Server.SendsParts = false;
        Server.Mishaps.Enqueue(new Mishap(CutAfter: 300_000));

        var fetched = await _sample.FetchAsync(_model);

        Assert.Equal("bytes=300000-", Server.Requests[1].Range);
        Assert.Equal(1_300_000, fetched.ReceivedBytes);
        Assert.Equal(_content, await File.ReadAllBytesAsync(Target, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Pieces_of_two_files_that_the_server_did_not_tell_apart_are_thrown_away_and_fetched_again()
    {
        _sample.Options = _sample.Options with { Attempts = 1 };
        Server.ETag = null;
        Server.Content = ShelfSample.Noise(seed: 2);
        Server.Mishaps.Enqueue(new Mishap(CutAfter: 300_000));
        await _sample.FailsAsync(_model);
        Server.Content = _content;
        _sample.Options = _sample.Options with { Attempts = 2 };

        await _sample.FetchAsync(_model);

        Assert.Equal(_content, await File.ReadAllBytesAsync(Target, TestContext.Current.CancellationToken));
        Assert.Equal([null, "bytes=300000-", null], Server.Requests.Select(r => r.Range));
    }

    [Fact]
    public async Task Without_validator_and_published_checksum_nothing_is_pieced_together()
    {
        Server.ETag = null;
        Server.Mishaps.Enqueue(new Mishap(CutAfter: 300_000));

        await _sample.FetchAsync(_sample.Model("weights.h5"));

        Assert.Equal([null, null], Server.Requests.Select(r => r.Range));
        Assert.Equal(_content, await File.ReadAllBytesAsync(Target, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Wrong_bytes_never_get_the_files_name_and_are_not_kept()
    {
        Server.Content = ShelfSample.Noise(seed: 2);

        var message = await _sample.FailsAsync(_model);

        Assert.Contains("its MD5 is", message, StringComparison.Ordinal);
        Assert.Contains("https://example.org/md5 publishes", message, StringComparison.Ordinal);
        Assert.Contains("thrown away", message, StringComparison.Ordinal);
        Assert.DoesNotContain("run the same command again", message, StringComparison.Ordinal);
        Assert.Empty(Files());
        Assert.Single(Server.Requests);
    }

    [Fact]
    public async Task A_file_that_a_server_without_lengths_cuts_short_is_found_by_its_checksum()
    {
        (Server.SendsLength, Server.ETag) = (false, null);
        Server.Mishaps.Enqueue(new Mishap(CutAfter: 300_000));

        var message = await _sample.FailsAsync(_model);
        Assert.Contains("its MD5 is", message, StringComparison.Ordinal);

        await _sample.FetchAsync(_model);
        Assert.Equal(_content, await File.ReadAllBytesAsync(Target, TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("404 Not Found", 1)]
    [InlineData("403 Forbidden", 1)]
    [InlineData("503 Service Unavailable", 5)]
    [InlineData("429 Too Many Requests", 5)]
    public async Task A_refusal_is_named_and_tried_again_only_where_it_may_pass(string status, int attempts)
    {
        for (var i = 0; i < 9; i++)
            Server.Mishaps.Enqueue(new Mishap(Status: status));

        var message = await _sample.FailsAsync(_model);

        Assert.Contains($"{Server.Address}: the server answered {status}", message, StringComparison.Ordinal);
        Assert.Contains("--from FILE", message, StringComparison.Ordinal);
        Assert.Equal(attempts, Server.Requests.Count);
        Assert.DoesNotContain('\n', message);
        Assert.DoesNotContain("kept", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_falls_silent_is_given_up_and_gone_on_with()
    {
        _sample.Options = _sample.Options with { Stall = TimeSpan.FromSeconds(0.3) };
        Server.Mishaps.Enqueue(new Mishap(CutAfter: 300_000, Stalls: true));

        await _sample.FetchAsync(_model);

        Assert.Contains("nothing came for 0.3 seconds", Assert.Single(_sample.Said), StringComparison.Ordinal);
        Assert.Equal("bytes=300000-", Server.Requests[1].Range);
    }

    [Fact]
    public async Task An_interrupted_fetch_is_no_failure_and_keeps_what_came()
    {
        Server.Mishaps.Enqueue(new Mishap(CutAfter: 300_000, Stalls: true));
        using var interrupt = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);

        var fetch = _sample.FetchAsync(_model, cancellation: interrupt.Token);
        while (PartialFile.Kept(Target) < 300_000)
            await Task.Delay(10, TestContext.Current.CancellationToken);
        await interrupt.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => fetch);
        Assert.Equal(700_000, (await _sample.FetchAsync(_model)).ReceivedBytes);
    }

    [Fact]
    public async Task A_refused_connection_and_an_unknown_server_are_named()
    {
        await Server.DisposeAsync();
        _sample.Options = _sample.Options with { Attempts = 2 };
        var message = await _sample.FailsAsync(_model);
        Assert.Contains("the connection failed (Connection refused", message, StringComparison.Ordinal);

        // The top-level domain that never exists (RFC 6761): no query leaves a machine that knows it, and none can succeed.
        message = await _sample.FailsAsync(_model, from: "http://weights.invalid/weights.h5");
        Assert.Contains("http://weights.invalid/weights.h5: ", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_next_address_is_tried_when_one_fails()
    {
        Server.Mishaps.Enqueue(new Mishap(Status: "404 Not Found"));
        var second = Server.Address.Replace("files", "mirror", StringComparison.Ordinal);

        var fetched = await _sample.FetchAsync(_model with { Addresses = [Server.Address, second] });

        Assert.Equal(second, fetched.From);
        Assert.Equal(["/files/weights.bin", "/mirror/weights.bin"], Server.Requests.Select(r => r.Target));
    }

    [Fact]
    public async Task A_damaged_file_of_an_earlier_fetch_is_fetched_again()
    {
        await _sample.FetchAsync(_model);
        var damaged = (byte[])_content.Clone();
        damaged[500_000] ^= 1;
        await File.WriteAllBytesAsync(Target, damaged, TestContext.Current.CancellationToken);

        var fetched = await _sample.FetchAsync(_model);

        Assert.Contains("fetched again", Assert.Single(_sample.Said), StringComparison.Ordinal);
        Assert.Equal(_content.Length, fetched.ReceivedBytes);
        Assert.Equal(_content, await File.ReadAllBytesAsync(Target, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_partial_file_that_is_already_whole_only_needs_its_name()
    {
        _sample.Options = _sample.Options with { Attempts = 1 };
        Server.Mishaps.Enqueue(new Mishap(CutAfter: 999_999));
        await _sample.FailsAsync(_model);
        await using (var partial = new FileStream(PartialFile.PathFor(Target), FileMode.Append))
            partial.Write(_content.AsSpan(999_999));

        var fetched = await _sample.FetchAsync(_model);

        Assert.Equal(0, fetched.ReceivedBytes);
        Assert.Equal(_content, await File.ReadAllBytesAsync(Target, TestContext.Current.CancellationToken));
        Assert.Single(Server.Requests);
    }

    [Fact]
    public async Task Two_fetches_at_once_do_not_mix()
    {
        using var other = PartialFile.Open(Target);

        var message = await _sample.FailsAsync(_model);

        Assert.Contains("another 'model fetch'", message, StringComparison.Ordinal);
    }

    private string[] Files() =>
        [.. Directory.EnumerateFiles(Path.GetDirectoryName(Target)!).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal)];
}
