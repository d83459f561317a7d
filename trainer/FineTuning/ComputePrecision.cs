using System.Diagnostics.CodeAnalysis;
using System.Runtime.Intrinsics.X86;
using TorchSharp;
using static TorchSharp.torch;

namespace Headstart.Trainer.FineTuning;

/// <summary>The arithmetic of the base. Weights, head, loss and optimizer are float32 in any case.</summary>
public enum ComputePrecision
{
    [SuppressMessage("Naming", "CA1720", Justification = "The word that is typed.")]
    Float32,

    /// <summary>8 bits of mantissa: about twice as fast where the processor has instructions for it.</summary>
    Bfloat16,
}

internal static class ComputePrecisions
{
    /// <exception cref="CommandException">The processor would only imitate it, slowly.</exception>
    public static void RequireFast(this ComputePrecision precision, Device device)
    {
        if (precision == ComputePrecision.Bfloat16 && device.type == DeviceType.CPU && !ProcessorHasBfloat16)
            throw new CommandException("--precision bfloat16: this processor has no instructions for it (AVX512_BF16 or AMX), and would " +
                "be slower than with float32. Leave it out.");
    }

    // Intel's manual, CPUID: leaf 7 subleaf 1, EAX bit 5 is AVX512_BF16; leaf 7 subleaf 0, EDX bit 22 is AMX-BF16.
    private static bool ProcessorHasBfloat16 =>
        X86Base.IsSupported && X86Base.CpuId(0, 0).Eax >= 7
            && ((X86Base.CpuId(7, 1).Eax & (1 << 5)) != 0 || (X86Base.CpuId(7, 0).Edx & (1 << 22)) != 0);

    public static ScalarType Type(this ComputePrecision precision) =>
        precision == ComputePrecision.Bfloat16 ? ScalarType.BFloat16 : ScalarType.Float32;
}
