namespace Headstart.Tests.MainPath;

/// <summary>The drawn picture set and its cache, and a folder for what the tests of one class make of them.</summary>
public sealed class DemoCache(DrawnSet drawn) : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();

    public static string Model => Path.Combine(Repository.Root, "onnx", "demo-base.onnx");

    /// <inheritdoc cref="DrawnSet.Pictures"/>
    public string Pictures => drawn.Pictures;

    /// <inheritdoc cref="DrawnSet.Cache"/>
    public string Cache => drawn.Cache;

    /// <summary>A path in the folder that goes away with the class.</summary>
    public string File(params string[] parts) => _folder.File(parts);

    public async ValueTask InitializeAsync() => await drawn.Made();

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }
}
