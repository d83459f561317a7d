using System.Runtime.InteropServices;

namespace Headstart.Bench;

/// <summary>What the figures were measured on.</summary>
internal static class Hardware
{
    public static string Describe()
    {
        const string CpuInfo = "/proc/cpuinfo";
        var cpu = File.Exists(CpuInfo)
            ? File.ReadLines(CpuInfo).First(l => l.StartsWith("model name", StringComparison.Ordinal)).Split(':')[1].Trim()
            : RuntimeInformation.ProcessArchitecture.ToString();
        return $"{cpu}, {Environment.ProcessorCount} cores, {RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}";
    }
}
