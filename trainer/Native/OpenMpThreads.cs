using System.Runtime.InteropServices;

namespace Headstart.Training.Native;

/// <summary>How libtorch's threads wait for each other.</summary>
internal static partial class OpenMpThreads
{
    /// <summary>
    /// Lets them sleep at once instead of spinning first, for when other threads have work for the cores: reading features beside a training step was 1.2 times as
    /// fast. To be called before libtorch is loaded, later it does nothing; what the user set stays.
    /// </summary>
    public static void YieldWhileWaiting()
    {
        // libgomp reads the process's own environment, which .NET's copy is not.
        if (OperatingSystem.IsLinux())
            _ = SetEnvironment("GOMP_SPINCOUNT", "0", overwrite: 0);
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetEnvironment(string name, string value, int overwrite);
}
