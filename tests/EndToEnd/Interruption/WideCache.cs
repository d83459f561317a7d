using System.Text.Json;
using Headstart.Tests.Programs;

namespace Headstart.Tests.Interruption;

/// <summary>Pictures, and a model with features so wide (3.2 MB an image) that ten rows fill a part: a run is always in the middle of
/// something.</summary>
public sealed class WideCache : IAsyncLifetime
{
    public const int Images = 32;

    /// <summary>So many rows fill a part: there are four, the last of two rows.</summary>
    public const int PartRows = 10;

    private readonly TemporaryFolder _folder = new();

    public string File(string name) => _folder.File(name);

    /// <summary>The cache of a run that nothing interrupted.</summary>
    public string Whole => File("whole");

    public async ValueTask InitializeAsync()
    {
        (await ProgramRun.Extractor("demo-data", File("pictures"), "--per-class", $"{Images / 2}")).EndedWith(0);
        SeededWeights.Write(File("weights.safetensors"), convolutions: 1);
        (await ProgramRun.Extractor(
            "model", "import", File("weights.safetensors"), "--arch", "vgg11", "--preset", "keras", "--layer", "block1_pool", "--out",
                File("wide.onnx"))).EndedWith(0);
        (await ProgramRun.Extractor(ExtractTo(Whole))).EndedWith(0);
    }

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    public string[] ExtractTo(string cache) =>
        ["extract", File("pictures"), "--model", File("wide.onnx"), "--out", cache, "--batch", "2", "--threads", "2", "--device", "cpu"];

    /// <summary>Fails the test unless the cache holds the rows of <see cref="Whole"/>, each once and equal in every value.</summary>
    public Task AssertEqualsWhole(string cache) => CacheRows.AssertEqual(Whole, cache, Images);

    /// <summary>How many of the images a finished <c>--json</c> run took from the cache.</summary>
    public static int Reused(ProgramRun run) => JsonDocument.Parse(run.Output).RootElement.GetProperty("reused").GetInt32();
}
