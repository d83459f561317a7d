namespace Headstart.Extraction.Runtime;

/// <summary>Where the network runs.</summary>
internal enum ExecutionDevice
{
    /// <summary>CUDA where it is there, otherwise the CPU.</summary>
    Auto,
    Cpu,
    Cuda,
    Tensorrt,
}
