using Google.Protobuf;
using Headstart.Models;
using Headstart.Models.Onnx;
using Headstart.Safetensors;
using Headstart.Trainer.Evaluation;
using Headstart.Trainer.FineTuning;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Runtime;
using static TorchSharp.torch;

namespace Headstart.Trainer.Export;

/// <summary>
/// What the trainer itself computes: base and head in TorchSharp, or, of a base with operators that fine-tuning doesn't know, the head
/// alone, behind ONNX Runtime.
/// </summary>
internal sealed class TrainerOutput : IDisposable
{
    private readonly Head _head;
    private readonly ModelLayer _layer;
    private readonly double _temperature;
    private readonly OnnxTail? _base;
    private readonly OnnxRuntimeSession? _session;
    private bool _isChecked;

    /// <param name="model">The base.</param>
    /// <param name="cut">The base as it goes into the export; asked only where TorchSharp can't compute the base.</param>
    /// <param name="tuned">Tensors that stand in place of the base's.</param>
    /// <param name="head">Stays the caller's.</param>
    /// <param name="layer">What the head reads.</param>
    /// <param name="temperature">Logits are divided by it.</param>
    /// <param name="kernels">Compute the base's convolutions; the usual ones when null.</param>
    public TrainerOutput(
        ModelFile model, ModelProto cut, IReadOnlyDictionary<string, NamedTensor> tuned, Head head, ModelLayer layer, double temperature,
        ConvolutionKernels? kernels = null)
    {
        (_head, _layer, _temperature) = (head, layer, temperature);
        _head.IsTraining = false;
        if (model.Contract.Precision == "float32")
            _base = TryOpen(model, layer, kernels);
        if (_base is null)
            _session = new OnnxRuntimeSession(cut.ToByteArray(), model.Path);
        else if (tuned.Count > 0)
            _base.Load([.. tuned.Values], model.Path);
    }

    /// <summary>What computes, for people.</summary>
    public string Means => _base is null ? "its head in TorchSharp on the base in ONNX Runtime" : "base and head in TorchSharp";

    /// <summary>What the user should know of how it was computed, one line each.</summary>
    public IReadOnlyList<string> Notes { get; private set; } = [];

    /// <summary>The logarithms of the probabilities, n x classes.</summary>
    /// <param name="inputs">Prepared images, n x 3 x size x size.</param>
    /// <exception cref="CommandException">TorchSharp computes another base than ONNX Runtime; seen at the first images, and the message
    /// names the first tensor.</exception>
    public double[] Predict(float[] inputs, int count, int size)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        if (_base is not null && !_isChecked)
            Notes = TailCheck.Run(_base, tensor(inputs, [count, 3, size, size]));
        _isChecked = true;
        var features = _base is not null ? _base.Forward(tensor(inputs, [count, 3, size, size])) : FromRuntime();
        using var shaped = _layer.Shape is { Height: 1, Width: 1 } ? features.reshape(count, -1) : features.contiguous();
        var logits = _head.Forward(shaped).div(_temperature).contiguous().data<float>().ToArray();
        return LogProbabilities.FromLogits(logits, _head.Plan.Classes);

        Tensor FromRuntime()
        {
            var (values, _) = _session!.Run(inputs, [count, 3, size, size], _layer.Name);
            return tensor(values, [count, _layer.Shape.Channels, _layer.Shape.Height, _layer.Shape.Width]);
        }
    }

    private static OnnxTail? TryOpen(ModelFile model, ModelLayer layer, ConvolutionKernels? kernels)
    {
        try
        {
            return OnnxTail.FromModel(model, CPU, after: null, layer.Name, kernels: kernels);
        }
        catch (CommandException)
        {
            return null;
        }
    }

    public void Dispose()
    {
        _base?.Dispose();
        _session?.Dispose();
    }
}
