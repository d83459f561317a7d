using System.Diagnostics;

namespace Headstart;

/// <summary>The memory that this process has held at most.</summary>
public static class PeakMemory
{
    /// <summary>Peak resident set in bytes, native libraries included.</summary>
    public static long Bytes()
    {
        using var process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64;
    }
}
