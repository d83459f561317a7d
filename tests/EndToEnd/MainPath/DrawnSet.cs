using Headstart.Tests.MainPath;
using Headstart.Tests.Programs;

[assembly: AssemblyFixture(typeof(DrawnSet))]

namespace Headstart.Tests.MainPath;

/// <summary>A drawn picture set and its cache, made by the real programs when the first test asks for them, once for all tests. Nobody
/// changes them.</summary>
public sealed class DrawnSet : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Lazy<Task> _made;

    public DrawnSet() => _made = new(MakeAsync);

    /// <summary>32 pictures of two classes, in train/ and val/.</summary>
    public string Pictures => _folder.File("pictures");

    /// <summary>Of the demo base, with all its layers.</summary>
    public string Cache => _folder.File("cache");

    public Task Made() => _made.Value;

    public void Dispose() => _folder.Dispose();

    private async Task MakeAsync()
    {
        (await ProgramRun.Extractor("demo-data", Pictures, "--per-class", "16")).EndedWith(0);
        (await ProgramRun.Extractor("extract", Pictures, "--model", DemoCache.Model, "--out", Cache)).EndedWith(0);
    }
}
