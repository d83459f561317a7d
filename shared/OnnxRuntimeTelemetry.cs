using System.Runtime.InteropServices;

namespace Headstart;

/// <summary>Keeps ONNX Runtime from reporting its use to its maker, which its builds do unless told otherwise.</summary>
/// <remarks>
/// Since 1.31 on Linux: the variable <c>ORT_DISABLE_TELEMETRY</c>, read when the library starts. A user who has set it to something keeps
/// it.
/// </remarks>
public static partial class OnnxRuntimeTelemetry
{
    private const string Variable = "ORT_DISABLE_TELEMETRY";

    /// <summary>To be called before anything of ONNX Runtime is touched. May be called again.</summary>
    public static void Disable()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not null)
            return;
        if (OperatingSystem.IsWindows())
            Environment.SetEnvironmentVariable(Variable, "1");
        else
            SetNative(Variable, "1", 0);
    }

    // .NET's own variables don't reach native code on Unix.
    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetNative(string name, string value, int overwrite);
}
