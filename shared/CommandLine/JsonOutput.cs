using System.Text.Json;

namespace Headstart.CommandLine;

/// <summary>The output that programs read: one JSON object, alone on standard output.</summary>
public static class JsonOutput
{
    public static void Write<T>(T value) => Console.Out.WriteLine(JsonSerializer.Serialize(value, HeadstartJson.Compact));
}
