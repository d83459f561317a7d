using System.Runtime.CompilerServices;

namespace Headstart.Extraction;

internal static class BeforeOnnxRuntime
{
    // Before anything of ONNX Runtime is touched, in the program and in whatever tests it.
    [ModuleInitializer]
    internal static void DisableTelemetry() => OnnxRuntimeTelemetry.Disable();
}
