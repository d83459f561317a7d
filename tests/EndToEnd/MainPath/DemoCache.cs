using Headstart.Tests.Programs;

namespace Headstart.Tests.MainPath;

/// <summary>A drawn picture set and its cache, made once by the real programs for all tests of a class.</summary>
public sealed class DemoCache : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();

    public static string Model => Path.Combine(Repository.Root, "onnx", "demo-base.onnx");

    /// <summary>32 pictures of two classes, in train/ and val/.</summary>
    public string Pictures => _folder.File("pictures");

    public string Cache => _folder.File("cache");

    /// <summary>A path in the folder that goes away with the fixture.</summary>
    public string File(params string[] parts) => _folder.File(parts);

    public async ValueTask InitializeAsync()
    {
        (await ProgramRun.Extractor("demo-data", Pictures, "--per-class", "16")).EndedWith(0);
        (await ProgramRun.Extractor("extract", Pictures, "--model", Model, "--out", Cache)).EndedWith(0);
    }

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }
}
