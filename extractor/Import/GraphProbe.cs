using Google.Protobuf;
using Headstart.Extraction.Runtime;
using Headstart.Models.Onnx;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Headstart.Extraction.Import;

/// <summary>One output of a trial run.</summary>
/// <param name="Shape">As ONNX Runtime computed it, batch first.</param>
/// <param name="Values">Row-major.</param>
internal sealed record ProbeOutput(long[] Shape, float[] Values);

/// <summary>
/// Runs a graph on the CPU to see that it loads and what it gives. Meant for import and verification, not for extraction.
/// </summary>
internal sealed class GraphProbe : IDisposable
{
    private readonly string _path;
    private readonly InferenceSession _session;

    private GraphProbe(string path, InferenceSession session)
    {
        _path = path;
        _session = session;
    }

    /// <summary>The element types of the outputs, by name.</summary>
    public IReadOnlyDictionary<string, TensorElementType> OutputTypes =>
        _session.OutputMetadata.Where(o => o.Value.IsTensor).ToDictionary(o => o.Key, o => o.Value.ElementDataType);

    /// <param name="model">A graph with one input.</param>
    /// <param name="path">For messages.</param>
    /// <exception cref="CommandException">ONNX Runtime can't load it; the message carries its reason.</exception>
    public static GraphProbe Open(ModelProto model, string path)
    {
        // What goes wrong is told by the exception; ONNX Runtime would print it too.
        using var options = new SessionOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
        IntegerInstructions.Configure(options, model);
        try
        {
            return new GraphProbe(path, new InferenceSession(model.ToByteArray(), options));
        }
        catch (OnnxRuntimeException e)
        {
            throw new CommandException($"ONNX Runtime can't load the graph of {path}: {Reason(e)}", cause: e);
        }
    }

    /// <summary>Runs the graph on a batch and returns the float32 outputs, by name; others are left out.</summary>
    /// <param name="images">The network's input for one image each, 3 x size x size.</param>
    /// <param name="size">Height and width, in pixels.</param>
    /// <exception cref="CommandException">The graph refuses the batch; the message carries ONNX Runtime's reason.</exception>
    public IReadOnlyDictionary<string, ProbeOutput> Run(IReadOnlyList<float[]> images, int size)
    {
        var outputs = OutputTypes.Where(o => o.Value == TensorElementType.Float).Select(o => o.Key).ToArray();
        using var input = OrtValue.CreateTensorValueFromMemory(images.SelectMany(i => i).ToArray(), [images.Count, 3, size, size]);
        using var options = new RunOptions();
        try
        {
            using var results = _session.Run(options, [_session.InputNames[0]], [input], outputs);
            return outputs.Zip(results).ToDictionary(
                r => r.First,
                r => new ProbeOutput(r.Second.GetTensorTypeAndShape().Shape, r.Second.GetTensorDataAsSpan<float>().ToArray()));
        }
        catch (OnnxRuntimeException e)
        {
            throw new CommandException(
                $"{_path} can't be run on a batch of {images.Count} images of 3 x {size} x {size}: {Reason(e)}", cause: e);
        }
    }

    public void Dispose() => _session.Dispose();

    private static string Reason(OnnxRuntimeException e) => e.Message.ReplaceLineEndings(" ").Trim();
}
