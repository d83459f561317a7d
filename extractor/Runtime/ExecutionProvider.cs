using Microsoft.ML.OnnxRuntime;

namespace Headstart.Extraction.Runtime;

/// <summary>The ONNX Runtime execution provider that a session got, and what the user should know about the choice.</summary>
/// <param name="Name"><c>cpu</c>, <c>cuda</c> or <c>tensorrt</c>.</param>
/// <param name="Notice">A line to show once, or null.</param>
internal sealed record ExecutionProvider(string Name, string? Notice)
{
    private const string GpuBuild = "build with -p:Accelerator=cuda, and install the NVIDIA driver, CUDA 13 and cuDNN 9";

    public bool IsCpu => Name == "cpu";

    /// <summary>
    /// Whether float32 factors may be rounded to TF32: TensorRT does so unless its user turns it off, and ONNX Runtime has no option for
    /// it. Null for the CPU.
    /// </summary>
    public bool? Tf32 => Name switch
    {
        "cuda" => false,
        "tensorrt" => true,
        _ => null,
    };

    /// <summary>Memory for what goes into a session and comes out of it, which this program reads and writes too.</summary>
    /// <returns>
    /// For a GPU page-locked memory, so that each batch is copied once in each direction; it belongs to the session. To be disposed before
    /// that.
    /// </returns>
    /// <exception cref="OnnxRuntimeException">The session has no such memory.</exception>
    public OrtAllocator HostMemory(InferenceSession session)
    {
        if (IsCpu)
            return OrtAllocator.DefaultInstance;
        using var pageLocked =
            new OrtMemoryInfo(OrtMemoryInfo.allocatorCUDA_PINNED, OrtAllocatorType.DeviceAllocator, 0, OrtMemType.CpuOutput);
        return new OrtAllocator(session, pageLocked);
    }

    /// <summary>Gives back what <see cref="HostMemory"/> returned.</summary>
    public static void Release(OrtAllocator memory)
    {
        // The one for ordinary memory is the process's own.
        if (memory != OrtAllocator.DefaultInstance)
            memory.Dispose();
    }

    /// <summary>Adds the provider for <paramref name="device"/> to the options.</summary>
    /// <exception cref="CommandException">The device was asked for by name and isn't to be had; the message says what is
    /// missing.</exception>
    public static ExecutionProvider Configure(SessionOptions options, ExecutionDevice device)
    {
        switch (device)
        {
            case ExecutionDevice.Cpu:
                return new ExecutionProvider("cpu", null);
            case ExecutionDevice.Cuda:
                return TryAppend("cuda", options, out var cudaReason)
                    ? new ExecutionProvider("cuda", null)
                    : throw new CommandException($"--device cuda: {cudaReason} For a GPU, {GpuBuild}; without one, use --device cpu.");
            case ExecutionDevice.Tensorrt:
                if (!TryAppend("tensorrt", options, out var tensorrtReason))
                    throw new CommandException(
                        $"--device tensorrt: {tensorrtReason} For a GPU, {GpuBuild}, and TensorRT 10; without one, use --device cpu.");

                // TensorRT hands what it can't run to the next provider.
                _ = TryAppend("cuda", options, out _);
                return new ExecutionProvider("tensorrt", null);
            default:
                return TryAppend("cuda", options, out var reason)
                    ? new ExecutionProvider("cuda", null)
                    : new ExecutionProvider("cpu", $"Running on the CPU: {reason}");
        }
    }

    private static bool TryAppend(string provider, SessionOptions options, out string reason)
    {
        var name = provider == "cuda" ? "CUDAExecutionProvider" : "TensorrtExecutionProvider";
        if (!OrtEnv.Instance().GetAvailableProviders().Contains(name))
        {
            reason = $"this build of ONNX Runtime has no {provider} provider.";
            return false;
        }

        try
        {
            if (provider == "cuda")
                AppendCuda(options);
            else
                AppendTensorrt(options);
            reason = "";
            return true;
        }
        catch (OnnxRuntimeException e)
        {
            // The provider is built in, but a library that it needs (driver, CUDA, cuDNN, TensorRT) can't be loaded.
            reason = $"{e.Message.ReplaceLineEndings(" ").TrimEnd('.', ' ')}.";
            return false;
        }
    }

    // TF32 keeps 10 bits of each factor: the contract's "float32" would not be true.
    private static void AppendCuda(SessionOptions options)
    {
        using var cuda = new OrtCUDAProviderOptions();
        cuda.UpdateOptions(new Dictionary<string, string> { ["use_tf32"] = "0" });
        options.AppendExecutionProvider_CUDA(cuda);
    }

    // Building an engine takes minutes; it is kept for the next run on the same GPU.
    private static void AppendTensorrt(SessionOptions options)
    {
        var engines = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), "headstart", "tensorrt");
        Directory.CreateDirectory(engines);
        using var tensorrt = new OrtTensorRTProviderOptions();
        tensorrt.UpdateOptions(new Dictionary<string, string> { ["trt_engine_cache_enable"] = "1", ["trt_engine_cache_path"] = engines });
        options.AppendExecutionProvider_Tensorrt(tensorrt);
    }
}
