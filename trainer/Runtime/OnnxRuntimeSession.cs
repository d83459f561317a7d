using Microsoft.ML.OnnxRuntime;

namespace Headstart.Trainer.Runtime;

/// <summary>A model in ONNX Runtime, on the CPU.</summary>
/// <remarks>The one file of the trainer that knows it: what is exported is tried where it will run, and what is rebuilt in libtorch is held
/// to what made the features.</remarks>
internal sealed class OnnxRuntimeSession : IDisposable
{
    private readonly InferenceSession _session;
    private readonly string _path;

    static OnnxRuntimeSession() => OnnxRuntimeTelemetry.Disable();

    /// <param name="model">The bytes of an ONNX file with one fed input.</param>
    /// <param name="path">What they are, for messages.</param>
    /// <exception cref="CommandException">ONNX Runtime refuses the graph.</exception>
    public OnnxRuntimeSession(byte[] model, string path)
    {
        _path = path;
        try
        {
            using var options = new SessionOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };

            // Sums of bytes are exact then on every processor (docs/QUANTIZATION.md), at a speed that doesn't matter for the few images of
            // a check.
            options.AddSessionConfigEntry("session.x64quantprecision", "1");
            _session = new InferenceSession(model, options);
        }
        catch (OnnxRuntimeException e)
        {
            throw new CommandException($"ONNX Runtime can't load {path}: {e.Message.ReplaceLineEndings(" ")}", cause: e);
        }
    }

    /// <summary>Runs the graph once and copies what was asked for.</summary>
    /// <param name="input">Row-major.</param>
    /// <param name="shape">Of <paramref name="input"/>.</param>
    /// <param name="floats">A float32 output.</param>
    /// <param name="whole">An int64 output, or null.</param>
    /// <exception cref="CommandException">ONNX Runtime failed.</exception>
    public (float[] Floats, long[] Whole) Run<T>(T[] input, ReadOnlySpan<long> shape, string floats, string? whole = null)
        where T : unmanaged
    {
        using var options = new RunOptions();
        using var value = OrtValue.CreateTensorValueFromMemory(input, shape.ToArray());
        try
        {
            using var results = _session.Run(options, [_session.InputNames[0]], [value], whole is null ? [floats] : [floats, whole]);
            return (
                results[0].GetTensorDataAsSpan<float>().ToArray(), whole is null ? [] : results[1].GetTensorDataAsSpan<long>().ToArray());
        }
        catch (OnnxRuntimeException e)
        {
            throw Failure(e);
        }
    }

    /// <summary>Runs the graph once and copies every output, all of them float32.</summary>
    /// <param name="input">Row-major.</param>
    /// <param name="shape">Of <paramref name="input"/>.</param>
    /// <returns>By name.</returns>
    /// <exception cref="CommandException">ONNX Runtime failed.</exception>
    public IReadOnlyDictionary<string, float[]> RunAll(float[] input, ReadOnlySpan<long> shape)
    {
        using var options = new RunOptions();
        using var value = OrtValue.CreateTensorValueFromMemory(input, shape.ToArray());
        try
        {
            using var results = _session.Run(options, [_session.InputNames[0]], [value], _session.OutputNames);
            return _session.OutputNames.Zip(results)
                .ToDictionary(r => r.First, r => r.Second.GetTensorDataAsSpan<float>().ToArray(), StringComparer.Ordinal);
        }
        catch (OnnxRuntimeException e)
        {
            throw Failure(e);
        }
    }

    public void Dispose() => _session.Dispose();

    private CommandException Failure(OnnxRuntimeException e) =>
        new($"ONNX Runtime failed while running {_path}: {e.Message.ReplaceLineEndings(" ")}", cause: e);
}
