using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Headstart.Models.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace Headstart.Extraction.Runtime;

/// <summary>Whether this processor multiplies bytes exactly.</summary>
/// <remarks>
/// x86-64 without VNNI multiplies unsigned by signed bytes with an instruction (<c>vpmaddubsw</c>) that adds two products in 16 bits, and
/// stops at 32,767: two products of 255 * 127 don't fit, two of 255 * 63 do. ONNX Runtime uses it there, for speed, unless told not to.
/// Arm's instructions add in 32 bits.
/// </remarks>
internal static class IntegerInstructions
{
    /// <summary>What to tell a user whose model needs the slower path.</summary>
    public const string SlowNotice =
        "This processor has no VNNI, and the model has weights of 8 bits: they are computed exactly, but not fast. " +
        "For speed, quantise the float32 model on this machine, or with --weight-bits 7.";

    /// <summary>AVX-512 VNNI or AVX-VNNI, by CPUID; or no x86 at all.</summary>
    public static bool AreExact { get; } = RuntimeInformation.ProcessArchitecture is not (Architecture.X64 or Architecture.X86)
        || HasVnni();

    /// <summary>The largest weight of so many bits.</summary>
    public static int Limit(int weightBits) => (1 << (weightBits - 1)) - 1;

    /// <summary>
    /// Makes a session exact on this processor: where it has no VNNI and the graph has weights of 8 bits, by ONNX Runtime's slower path.
    /// </summary>
    /// <returns>Whether the slower path was needed.</returns>
    public static bool Configure(SessionOptions options, ModelProto graph) => Configure(options, graph, AreExact);

    internal static bool Configure(SessionOptions options, ModelProto graph, bool areExact)
    {
        if (areExact || !CanSaturate(graph))
            return false;
        options.AddSessionConfigEntry("session.x64quantprecision", "1");
        return true;
    }

    /// <summary>Whether a graph has signed weights that don't fit 7 bits.</summary>
    internal static bool CanSaturate(ModelProto graph) => graph.Graph.Initializer.Any(t =>
        t.DataType == (int)TensorProto.Types.DataType.Int8 && t.RawData.Any(b => Math.Abs((int)(sbyte)b) > Limit(7)));

    // Intel SDM vol. 2A, CPUID leaf 7: sub-leaf 0, ECX bit 11 is AVX512_VNNI; sub-leaf 1, EAX bit 4 is AVX-VNNI.
    private static bool HasVnni()
    {
        if (!X86Base.IsSupported || X86Base.CpuId(0, 0).Eax < 7)
            return false;
        var (subLeaves, _, ecx, _) = X86Base.CpuId(7, 0);
        var avx512 = (ecx & (1 << 11)) != 0 && Avx512F.IsSupported;
        var avx = subLeaves >= 1 && (X86Base.CpuId(7, 1).Eax & (1 << 4)) != 0 && Avx2.IsSupported;
        return avx512 || avx;
    }
}
