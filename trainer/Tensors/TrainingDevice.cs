using TorchSharp;
using static TorchSharp.torch;

namespace Headstart.Trainer.Tensors;

/// <summary>Where to compute.</summary>
public enum DeviceChoice
{
    /// <summary>On a GPU where this build and this machine have one, otherwise on the CPU.</summary>
    Auto,
    Cpu,
    Cuda,
}

internal static class TrainingDevice
{
    /// <exception cref="CommandException">CUDA was asked for and can't be had; the message says what is missing.</exception>
    public static Device Resolve(DeviceChoice choice) => choice switch
    {
        DeviceChoice.Cpu => CPU,
        DeviceChoice.Auto => cuda.is_available() ? CUDA : CPU,
        DeviceChoice.Cuda when cuda.is_available() => CUDA,
        DeviceChoice.Cuda => throw new CommandException(
            "--device cuda: libtorch finds no GPU. It takes an NVIDIA driver (nvidia-smi shows it) and a build with the GPU packages: " +
            "dotnet build -p:Accelerator=cuda."),
        _ => throw CommandException.Usage($"--device {choice}: there are auto, cpu and cuda."),
    };

    /// <summary>As <c>run.json</c> has it: <c>cpu</c> or <c>cuda</c>.</summary>
    public static string Word(Device device) => device.type == DeviceType.CUDA ? "cuda" : "cpu";

    /// <summary>For people: <c>CPU, 2 threads</c>.</summary>
    public static string Describe(Device device) => device.type == DeviceType.CUDA
        ? "GPU (CUDA)"
        : $"CPU, {get_num_threads()} {(get_num_threads() == 1 ? "thread" : "threads")}";
}
