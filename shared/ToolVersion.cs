using System.Reflection;

namespace Headstart;

/// <summary>The version of Headstart, as <c>--version</c> shows it and as files carry it.</summary>
public static class ToolVersion
{
    public static string Text { get; } =
        typeof(ToolVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;
}
