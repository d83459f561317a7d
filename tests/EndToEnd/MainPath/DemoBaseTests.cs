using System.Text.Json;
using Headstart.Tests.Programs;

namespace Headstart.Tests.MainPath;

/// <summary>What the quick start says of its base.</summary>
public sealed class DemoBaseTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_head_learns_classes_that_the_base_never_saw_better_from_its_features_than_from_pixels()
    {
        (await ProgramRun.Extractor("demo-data", _folder.File("pictures"), "--seed", "7")).EndedWith(0);
        (await ProgramRun.Extractor("extract", _folder.File("pictures"), "--model", DemoCache.Model, "--out", _folder.File("cache")))
            .EndedWith(0);

        var (features, pixels) = (await Accuracy("block4_pool"), await Accuracy("pixels"));

        Assert.True(features >= 0.95 && pixels <= 0.75, $"{features} from features, {pixels} from pixels");
    }

    private async Task<double> Accuracy(string layer)
    {
        var trained = (await ProgramRun.Trainer("train", _folder.File("cache"), "--layer", layer, "--out", _folder.File(layer), "--json"))
            .EndedWith(0);
        return JsonDocument.Parse(trained.Output).RootElement.GetProperty("val").GetProperty("accuracy").GetDouble();
    }
}
