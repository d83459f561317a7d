using Headstart.Tests.Programs;

namespace Headstart.Tests.Interruption;

/// <summary>Pictures, a network of two layers, and for each of them the cache that has it alone and the cache to which the other was
/// added, undisturbed.</summary>
public sealed class LayerSample : IAsyncLifetime
{
    public const int Images = 24;

    /// <summary>block2_pool can be computed from the cached block1_pool; block1_pool takes the images.</summary>
    public static readonly string[] Layers = ["block1_pool", "block2_pool"];

    private readonly TemporaryFolder _folder = new();

    public string File(string name) => _folder.File(name);

    public async ValueTask InitializeAsync()
    {
        (await ProgramRun.Extractor("demo-data", File("pictures"), "--per-class", $"{Images / 2}")).EndedWith(0);
        SeededWeights.Write(File("weights.safetensors"), convolutions: 2);
        (await ProgramRun.Extractor(
            "model", "import", File("weights.safetensors"), "--arch", "vgg11", "--preset", "keras", "--layer", Layers[0], "--layer",
                Layers[1],
            "--out", File("wide.onnx"))).EndedWith(0);
        foreach (var first in Layers)
        {
            (await ProgramRun.Extractor(Extract(First(first), first))).EndedWith(0);
            Copy(First(first), Whole(first));
            (await ProgramRun.Extractor(Extract(Whole(first), Other(first)))).EndedWith(0);
        }
    }

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    public static string Other(string layer) => Layers[1 - Array.IndexOf(Layers, layer)];

    /// <summary>The cache with this layer alone.</summary>
    public string First(string layer) => File($"{layer} alone");

    /// <summary>The same, and the other layer was added.</summary>
    public string Whole(string first) => File($"{first} first");

    public string[] Extract(string cache, string layer) =>
        ["extract", File("pictures"), "--model", File("wide.onnx"), "--out", cache, "--layer", layer, "--batch", "2", "--threads", "2",
            "--device", "cpu"];

    /// <summary>Copies the files of a cache.</summary>
    public static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.GetFiles(from))
            System.IO.File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
    }
}
