using Headstart.Extraction.Import;
using Headstart.Extraction.Shelf;
using Headstart.Safetensors;
using Headstart.Tests.Import;

namespace Headstart.Tests.Shelf;

/// <summary>The base's tensors of a large safetensors file, fetched by ranges.</summary>
public sealed class BaseTensorsTests : IAsyncDisposable
{
    private readonly byte[] _content = ShelfSample.Safetensors();
    private readonly ShelfSample _sample;
    private readonly ShelfModel _model;

    public BaseTensorsTests()
    {
        _sample = new ShelfSample(_content);
        _model = _sample.Model("weights.safetensors");
    }

    private LoopbackServer Server => _sample.Server;

    public ValueTask DisposeAsync() => _sample.DisposeAsync();

    [Fact]
    public async Task Only_the_base_is_fetched_and_it_holds_the_same_values()
    {
        var whole = _sample.Folder.Write("whole.safetensors", _content);

        var fetched = await _sample.FetchAsync(_model);

        Assert.Equal((_sample.Shelf.Base(_model), false), (fetched.Path, fetched.IsWhole));
        // 260,160 values of 4 bytes, of 5 MB; and the header with what follows it in 16 KB.
        Assert.InRange(Server.SentBytes, 1_040_000, 1_060_000);
        using (var part = SafetensorsFile.Open(fetched.Path))
        using (var all = SafetensorsFile.Open(whole))
        {
            Assert.Equal(
                all.Tensors.Keys.Where(k => k.StartsWith("features.", StringComparison.Ordinal)).Order(), part.Tensors.Keys.Order());
            Assert.All(part.Tensors.Keys, name => Assert.Equal(all.ReadFloats(name), part.ReadFloats(name)));
        }

        Assert.Contains("1.0 of 5.0 MB", fetched.Checks[0], StringComparison.Ordinal);
        Assert.Contains("SHA-256 of each of its 8 tensors is recorded", string.Join(' ', fetched.Checks), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_same_initialisers_come_of_the_base_and_of_the_whole_file()
    {
        using var import = new ImportSample();
        ImportedModel Import(string path) =>
            ModelImport.Run(import.Options(path, 8, "block1_pool", "block2_pool") with { Architecture = "vgg16" });

        var part = Import((await _sample.FetchAsync(_model)).Path);
        var whole = Import((await _sample.FetchAsync(_model, whole: true)).Path);

        Assert.Equal(ImportSample.Initialisers(whole), ImportSample.Initialisers(part));
    }

    [Fact]
    public async Task A_second_fetch_downloads_nothing_and_compares()
    {
        await _sample.FetchAsync(_model);
        var requests = Server.Requests.Count;

        var second = await _sample.FetchAsync(_model);

        Assert.Equal(0, second.ReceivedBytes);
        Assert.Equal(requests, Server.Requests.Count);
        Assert.Contains("the same as at the first fetch", string.Join(' ', second.Checks), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Goes_on_in_the_middle_of_a_tensor()
    {
        Server.Mishaps.Enqueue(new Mishap());
        Server.Mishaps.Enqueue(new Mishap(CutAfter: 400_000));

        var fetched = await _sample.FetchAsync(_model);

        var header = BitConverter.ToInt64(_content) + 8;
        Assert.Equal($"bytes={header + 400_000}-{header + 1_040_639}", Server.Requests[3].Range);
        Assert.Equal("\"one\"", Server.Requests[3].IfRange);
        var again = await _sample.FetchAsync(_model);
        Assert.Contains("the same", string.Join(' ', again.Checks), StringComparison.Ordinal);
        using var part = SafetensorsFile.Open(fetched.Path);
        Assert.Equal(WeightFiles.TorchTensors()["features.7.bias"].Values, part.ReadFloats("features.7.bias"));
    }

    [Fact]
    public async Task Tensors_that_do_not_lie_together_are_fetched_one_after_the_other()
    {
        var tensors = WeightFiles.TorchTensors().SelectMany(
            t => new[] { t, KeyValuePair.Create($"head.{t.Key}", (new long[] { 30_000 }, new float[30_000])) });
        Server.Content = WeightFiles.Safetensors(tensors.ToDictionary(t => t.Key, t => t.Value));

        var fetched = await _sample.FetchAsync(_model);

        Assert.Equal(9, Server.Requests.Count);
        using var part = SafetensorsFile.Open(fetched.Path);
        Assert.All(WeightFiles.TorchTensors(),
            t => Assert.True(t.Key == "features.0.weight" || t.Value.Values.SequenceEqual(part.ReadFloats(t.Key))));
    }

    [Fact]
    public async Task A_server_without_ranges_sends_the_whole_file()
    {
        Server.SendsParts = false;

        var fetched = await _sample.FetchAsync(_model);

        Assert.Equal((_sample.Shelf.Whole(_model), true), (fetched.Path, fetched.IsWhole));
        Assert.Equal(_content, await File.ReadAllBytesAsync(fetched.Path, TestContext.Current.CancellationToken));
        Assert.Contains("can't send a part", fetched.Checks[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_changes_between_two_parts_is_begun_anew()
    {
        Server.Mishaps.Enqueue(new Mishap());
        Server.Mishaps.Enqueue(new Mishap(CutAfter: 400_000));
        _sample.Options = _sample.Options with { Attempts = 1 };
        await _sample.FailsAsync(_model);
        (Server.Content, Server.ETag) = (ShelfSample.Safetensors(first: 0.5f), "\"two\"");

        var fetched = await _sample.FetchAsync(_model);

        using var part = SafetensorsFile.Open(fetched.Path);
        Assert.Equal(0.5f, part.ReadFloats("features.0.weight")[0]);
    }

    [Theory]
    [InlineData("{\"features.0.weight\":{\"dtype\":\"F32\",\"shape\":[64,3,3,3],\"data_offsets\":[0,6912]}}")]
    [InlineData("{\"layer.weight\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}")]
    [InlineData("<html><body>Please log in to the network of this hotel.</body></html>")]
    public async Task A_file_of_something_else_is_refused_before_its_data_are_fetched(string header)
    {
        Server.Content = WeightFiles.WithHeader(System.Text.Encoding.UTF8.GetBytes(header), new byte[2_000_000]);

        var message = await _sample.FailsAsync(_model);

        Assert.Contains("not the weights of sample", message, StringComparison.Ordinal);
        Assert.InRange(Server.SentBytes, 1, 20_000);
    }

    [Fact]
    public async Task A_page_instead_of_a_file_leaves_nothing_behind()
    {
        Server.SendsParts = false;
        Server.Content = "<html>Please log in.</html>"u8.ToArray();

        var message = await _sample.FailsAsync(_model);

        Assert.Contains("thrown away", message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFiles(Path.GetDirectoryName(_sample.Shelf.Whole(_model))!, "weights*"));
    }

    [Fact]
    public async Task A_header_longer_than_the_first_answer_is_fetched_too()
    {
        var tensors = WeightFiles.TorchTensors();
        for (var i = 0; i < 400; i++)
            tensors[$"head.{i}.a_rather_long_name_of_a_tensor"] = ([1], [i]);
        Server.Content = WeightFiles.Safetensors(tensors);

        var fetched = await _sample.FetchAsync(_model);

        Assert.True(BitConverter.ToInt64(Server.Content) > 1 << 14);
        using var part = SafetensorsFile.Open(fetched.Path);
        Assert.Equal(tensors["features.7.weight"].Values, part.ReadFloats("features.7.weight"));
    }
}
