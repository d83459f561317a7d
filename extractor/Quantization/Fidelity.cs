using Headstart.Extraction.Runtime;
using Headstart.Images;
using Headstart.Models;
using Headstart.Models.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace Headstart.Extraction.Quantization;

/// <summary>Runs two graphs over the same pictures and compares tensors.</summary>
internal static class Fidelity
{
    /// <param name="model">For messages.</param>
    /// <param name="reference">The float32 graph; the tensors are among its outputs.</param>
    /// <param name="integer">The graph to judge; has them too.</param>
    /// <param name="tensors">Names of float32 outputs of both.</param>
    public static IReadOnlyDictionary<string, LayerFidelity> Measure(
        ModelFile model, ModelProto reference, ModelProto integer, string[] tensors, PictureStream pictures, IReadOnlyList<ImageItem> items,
        int threads,
        IProgress<int> progress, CancellationToken cancellationToken)
    {
        var meters = tensors.ToDictionary(t => t, _ => new FidelityMeter(), StringComparer.Ordinal);
        var (a, _) = BaseNetwork.Open(model, reference, ExecutionDevice.Cpu, threads);
        using var first = a;
        var (b, _) = BaseNetwork.Open(model, integer, ExecutionDevice.Cpu, threads);
        using var second = b;
        var next = 0;
        pictures.Run(
            items,
            (input, slots) =>
            {
                using var options = new RunOptions();
                using var expected = first.Run(options, first.InputNames, [input], tensors);
                using var computed = second.Run(options, second.InputNames, [input], tensors);
                Parallel.For(0, tensors.Length, new ParallelOptions { MaxDegreeOfParallelism = threads }, t =>
                {
                    var length = (int)(expected[t].GetTensorTypeAndShape().ElementCount / expected[t].GetTensorTypeAndShape().Shape[0]);
                    foreach (var slot in slots)
                    {
                        var range = new Range(slot * length, (slot + 1) * length);
                        meters[tensors[t]].Add(items[next + slot].Path, expected[t].GetTensorDataAsSpan<float>()[range],
                            computed[t].GetTensorDataAsSpan<float>()[range]);
                    }
                });
            },
            new Counter(progress, n => next += n),
            cancellationToken);
        return meters.ToDictionary(m => m.Key, m => m.Value.Result, StringComparer.Ordinal);
    }

    private sealed class Counter(IProgress<int> inner, Action<int> count) : IProgress<int>
    {
        public void Report(int value)
        {
            count(value);
            inner.Report(value);
        }
    }
}
