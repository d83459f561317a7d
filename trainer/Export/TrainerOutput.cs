using Google.Protobuf;
using Headstart.Models;
using Headstart.Models.Onnx;
using Headstart.Training.Evaluation;
using Headstart.Training.FineTuning;
using Headstart.Training.Heads;
using static TorchSharp.torch;

namespace Headstart.Training.Export;

/// <summary>What the trainer itself computes: a VGG and the head in TorchSharp; any other base in ONNX Runtime, and the head in TorchSharp.</summary>
internal sealed class TrainerOutput : IDisposable
{
    private readonly Head _head;
    private readonly ModelLayer _layer;
    private readonly double _temperature;
    private readonly Vgg? _vgg;
    private readonly OnnxRuntimeSession? _session;

    /// <param name="model">The base.</param>
    /// <param name="cut">The base as it goes into the export; asked only where the base is no VGG.</param>
    /// <param name="tuned">Tensors that stand in place of the base's.</param>
    /// <param name="head">Stays the caller's.</param>
    /// <param name="layer">What the head reads.</param>
    /// <param name="temperature">Logits are divided by it.</param>
    public TrainerOutput(ModelFile model, ModelProto cut, IReadOnlyDictionary<string, NamedTensor> tuned, Head head, ModelLayer layer, double temperature)
    {
        (_head, _layer, _temperature) = (head, layer, temperature);
        _head.IsTraining = false;
        if (model.Contract.Precision != "float32" || VggArchitecture.All.All(a => a.Name != model.Contract.Architecture))
        {
            _session = new OnnxRuntimeSession(cut.ToByteArray(), model.Path);
            return;
        }

        _vgg = Vgg.FromModel(model, CPU, to: layer.Name);
        if (tuned.Count > 0)
            _vgg.Load(_vgg.ToNamedTensors().ToDictionary(t => t.Name, t => tuned.GetValueOrDefault(t.Name, t), StringComparer.Ordinal), model.Path);
    }

    /// <summary>What computes, for people.</summary>
    public string Means => _vgg is null ? "its head in TorchSharp on the base in ONNX Runtime" : "base and head in TorchSharp";

    /// <summary>The logarithms of the probabilities, n x classes.</summary>
    /// <param name="inputs">Prepared images, n x 3 x size x size.</param>
    public double[] Predict(float[] inputs, int count, int size)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var features = _vgg is not null ? _vgg.Forward(tensor(inputs, [count, 3, size, size])) : FromRuntime();
        using var shaped = _layer.Shape is { Height: 1, Width: 1 } ? features.reshape(count, -1) : features.contiguous();
        var logits = _head.Forward(shaped).div(_temperature).contiguous().data<float>().ToArray();
        return LogProbabilities.FromLogits(logits, _head.Plan.Classes);

        Tensor FromRuntime()
        {
            var (values, _) = _session!.Run(inputs, [count, 3, size, size], _layer.Name);
            return tensor(values, [count, _layer.Shape.Channels, _layer.Shape.Height, _layer.Shape.Width]);
        }
    }

    public void Dispose()
    {
        _vgg?.Dispose();
        _session?.Dispose();
    }
}
