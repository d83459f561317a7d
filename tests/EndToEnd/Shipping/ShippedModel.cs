using Headstart.Tests.MainPath;
using Headstart.Tests.Programs;

namespace Headstart.Tests.Shipping;

/// <summary>A run on drawn pictures, and what <c>trainer export</c> made of it, once for all tests of a class.</summary>
public sealed class ShippedModel(DrawnSet drawn) : IAsyncLifetime
{
    private readonly DemoCache _demo = new(drawn);

    public string Pictures => _demo.Pictures;

    public string Cache => _demo.Cache;

    public string Run => _demo.File("run");

    /// <summary>Takes prepared tensors.</summary>
    public string Model => _demo.File("model.onnx");

    /// <summary>Takes pixels.</summary>
    public string RawModel => _demo.File("raw.onnx");

    /// <summary>Drawn with another seed than those that were learnt from.</summary>
    public string NewPictures => _demo.File("new");

    /// <summary>What the export of <see cref="Model"/> printed with <c>--json</c>.</summary>
    public string ExportJson { get; private set; } = "";

    public string File(params string[] parts) => _demo.File(parts);

    public async ValueTask InitializeAsync()
    {
        await _demo.InitializeAsync();
        (await ProgramRun.Trainer(
            "train", Cache, "--out", Run, "--head", "flatten, l2norm, dense(64, relu)", "--lr", "1e-3", "--epochs", "15")).EndedWith(0);
        ExportJson = (await ProgramRun.Trainer("export", Run, "--model", DemoCache.Model, "--out", Model, "--json")).EndedWith(0).Output;
        (await ProgramRun.Trainer("export", Run, "--model", DemoCache.Model, "--out", RawModel, "--raw-input")).EndedWith(0);
        (await ProgramRun.Extractor("demo-data", NewPictures, "--per-class", "12", "--seed", "99")).EndedWith(0);
    }

    public ValueTask DisposeAsync() => _demo.DisposeAsync();
}
