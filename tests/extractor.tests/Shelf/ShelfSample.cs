using System.Security.Cryptography;
using Headstart.Extraction.Shelf;
using Headstart.Tests.Import;

namespace Headstart.Tests.Shelf;

/// <summary>A shelf of small models on a server of its own, and a folder for what is fetched.</summary>
internal sealed class ShelfSample : IAsyncDisposable
{
    private readonly HttpClient _client = RemoteFile.CreateClient();

    public ShelfSample(byte[] content)
    {
        Server = new LoopbackServer(content);
        Shelf = new ShelfFolder(Folder.File("shelf"));
    }

    public TemporaryFolder Folder { get; } = new();

    public LoopbackServer Server { get; }

    public ShelfFolder Shelf { get; }

    /// <summary>What the fetch told the user on the way.</summary>
    public List<string> Said { get; } = [];

    public DownloadOptions Options { get; set; } = new() { FirstWait = TimeSpan.Zero };

    /// <summary>A million bytes of noise: a download whose content nobody looks at.</summary>
    public static byte[] Noise(int seed = 1)
    {
        var bytes = new byte[1_000_000];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    /// <summary>Two blocks of a VGG16 as torchvision and timm lay them out, with the classifier behind them that nobody needs.</summary>
    public static byte[] Safetensors(float first = 0.25f)
    {
        var tensors = WeightFiles.TorchTensors();
        tensors["features.0.weight"].Values[0] = first;
        tensors["head.fc.weight"] = ([1000, 1000], new float[1_000_000]);
        return WeightFiles.Safetensors(tensors);
    }

    /// <param name="checksum">Null for weights of which nothing is published.</param>
    public ShelfModel Model(string file, PublishedChecksum? checksum = null) => new(
        "sample", "A sample", [Server.Address], file, "Ours.", "https://example.org/license", "torchvision", "vgg16",
        ["block1_pool", "block2_pool"], checksum);

    public ShelfModel Model(string file, byte[] published) => Model(
        file, new PublishedChecksum(ChecksumAlgorithm.Md5, Convert.ToHexStringLower(Md5(published)), "https://example.org/md5"));

    public async Task<FetchedWeights> FetchAsync(
        ShelfModel model, string? from = null, bool whole = false, TimeProvider? time = null, CancellationToken? cancellation = null)
    {
        var fetch = new ModelFetch(Shelf, _client, Options, time ?? TimeProvider.System, Said.Add);
        return await fetch.RunAsync(model, from, whole, _ => new Progress<int>(), cancellation ?? TestContext.Current.CancellationToken);
    }

    public async Task<string> FailsAsync(ShelfModel model, string? from = null, bool whole = false) =>
        (await Assert.ThrowsAsync<CommandException>(() => FetchAsync(model, from, whole))).Message;

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await Server.DisposeAsync();
        Folder.Dispose();
    }

    private static byte[] Md5(byte[] bytes)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.MD5);
        hash.AppendData(bytes);
        return hash.GetHashAndReset();
    }
}
