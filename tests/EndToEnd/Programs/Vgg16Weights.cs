using Headstart.Tests.Programs;

[assembly: AssemblyFixture(typeof(Vgg16Weights))]

namespace Headstart.Tests.Programs;

/// <summary>VGG16's weights at full size, real ones in blocks 1 to 3 and noise in the others, made when the first test asks for them,
/// once for all tests.</summary>
public sealed class Vgg16Weights : IDisposable
{
    private const string Python = "/usr/bin/python3";

    private readonly TemporaryFolder _folder = new();
    private readonly Lazy<Task<ProgramRun>> _made;

    public Vgg16Weights() => _made = new(() => ProgramRun.Of(Python, Script, _folder.Path));

    private static string Script => SharedMaterial.Find("tools/make_vgg16_weights.py");

    /// <summary>As Keras writes them, without the top.</summary>
    public Task<string> Keras() => Made("vgg16_keras_notop.h5");

    /// <summary>Under torchvision's names.</summary>
    public Task<string> Torchvision() => Made("vgg16_torchvision.safetensors");

    public void Dispose() => _folder.Dispose();

    /// <summary>Skips the test where Python, its modules or the material is missing.</summary>
    private async Task<string> Made(string name)
    {
        Assert.SkipUnless(File.Exists(Python), $"{Python} isn't there.");
        _ = Script;
        var modules = await ProgramRun.Of(Python, "-c", "import numpy, h5py");
        Assert.SkipUnless(modules.ExitCode == 0, $"{Python} lacks a module: {modules.Error.Trim().Split('\n')[^1]}");
        (await _made.Value).EndedWith(0);
        return _folder.File(name);
    }
}
