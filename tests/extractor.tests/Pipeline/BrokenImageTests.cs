using Headstart.Cache;
using Headstart.Extraction.Pipeline;
using Headstart.Extraction.Runtime;
using Headstart.Images;
using Headstart.Models;
using Headstart.Preprocessing;

namespace Headstart.Tests.Pipeline;

/// <summary>What becomes of images that change or go while a run is at work, which the program can't be made to meet at will.</summary>
public sealed class BrokenImageTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ModelFile _model;

    public BrokenImageTests()
    {
        _model = TinyNetwork.Write(_folder.File("tiny.onnx"));
        for (var i = 0; i < 6; i++)
            _folder.Write($"pictures/cats/{i}.jpg", Picture(i));
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task An_image_that_goes_after_it_was_listed_is_rejected_and_the_others_kept()
    {
        var images = ImageSet.Open(_folder.File("pictures"));
        File.Delete(_folder.File("pictures/cats/2.jpg"));
        using var network = BaseNetwork.Load(_model, [], ExecutionDevice.Cpu, threads: 1);
        var settings = new ExtractionSettings(4, 2);

        var result = await new ExtractionRun(images, network, new CacheFolder(_folder.File("cache")), settings, TimeProvider.System)
            .RunAsync(_ => new Ignored(), TestContext.Current.CancellationToken);

        Assert.Equal((6, 5, 1), (result.Images, result.Computed, result.Rejected));
        Assert.Equal(["path,reason", "cats/2.jpg,the file isn't there any more"], File.ReadAllLines(_folder.File("cache/rejected.csv")));
    }

    [Fact]
    public void An_image_that_becomes_something_else_is_rejected_with_what_it_is()
    {
        var file = _folder.File("pictures/cats/1.jpg");
        File.Delete(file);
        Directory.CreateDirectory(file);
        Assert.Equal("a folder, not a file", Reject(file));

        Directory.Delete(file);
        File.WriteAllText(file, "");
        Assert.StartsWith("the file is empty", Reject(file), StringComparison.Ordinal);

        File.Delete(file);
        File.CreateSymbolicLink(file, "gone.jpg");
        Assert.Equal("a link to a file that isn't there: gone.jpg", Reject(file));
    }

    [Fact]
    public void The_digest_of_a_link_is_that_of_the_file_that_it_leads_to()
    {
        Directory.CreateSymbolicLink(_folder.File("linked"), _folder.File("pictures", "cats"));
        File.CreateSymbolicLink(_folder.File("pictures", "cats", "up.jpg"), "../cats/3.jpg");

        Assert.Equal(DecodedPicture.Digest(_folder.File("pictures/cats/3.jpg")), DecodedPicture.Digest(_folder.File("linked/up.jpg")));
    }

    private static string Reject(string file)
    {
        var loader = new ImageLoader(Presets.Mobilenet with { Size = 8 }, null, new DecodingMemory(), new StageTimes());
        using var batch = new FeatureBatch(1, 8, [], []);
        batch.Assign([new PlannedRow(new ImageItem(Path.GetFileName(file), file, null, null), View: 0)]);
        Assert.Throws<ImageRejectedException>(() => DecodedPicture.Digest(file));
        return Assert.Throws<ImageRejectedException>(() => loader.Load(batch, 0, 1)).Message;
    }

    private static byte[] Picture(int seed)
    {
        var pixels = new byte[20 * 10 * 3];
        new Random(seed).NextBytes(pixels);
        return ImageEncoder.Jpeg(new RgbImage(20, 10, pixels), quality: 90);
    }

    private sealed class Ignored : IProgress<int>
    {
        public void Report(int value)
        {
        }
    }
}
