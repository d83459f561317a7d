using System.Text.Json;

namespace Headstart.Tests;

/// <summary>Values from an independent source, in a JSON file beside the tests and the script that made it.</summary>
internal static class GoldenFile
{
    public static T Read<T>(string name)
    {
        using var stream = typeof(GoldenFile).Assembly.GetManifestResourceStream(name)
            ?? throw new FileNotFoundException($"{name} is not embedded in the test assembly.");
        return JsonSerializer.Deserialize<T>(stream, JsonSerializerOptions.Web)!;
    }
}
