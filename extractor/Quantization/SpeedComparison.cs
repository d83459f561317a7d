using System.Diagnostics;
using Headstart.Extraction.Runtime;
using Headstart.Models;
using Headstart.Models.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace Headstart.Extraction.Quantization;

/// <summary>What two networks get through, measured in turns.</summary>
/// <param name="FloatImagesPerSecond">The median of the float32 network's turns.</param>
/// <param name="IntegerImagesPerSecond">That of the integer network's.</param>
/// <param name="Ratio">The median of the ratios of neighbouring turns: what the two figures don't show when the machine's speed
/// changes.</param>
/// <param name="Batch">Images computed at once.</param>
/// <param name="Threads">Threads within one operator.</param>
internal sealed record SpeedComparison(double FloatImagesPerSecond, double IntegerImagesPerSecond, double Ratio, int Batch, int Threads)
{
    private const int Turns = 5;
    private static readonly TimeSpan Turn = TimeSpan.FromSeconds(0.5);

    /// <summary>A B A B A B ..., after one turn each to warm up; no pictures are decoded.</summary>
    public static SpeedComparison Measure(ModelFile model, ModelProto reference, ModelProto integer, int batch, int threads)
    {
        var size = model.Contract.Preprocessing.Size;
        var image = SyntheticInput.Create(model.Contract.Preprocessing, seed: 0);
        using var input =
            OrtValue.CreateTensorValueFromMemory(Enumerable.Repeat(image, batch).SelectMany(v => v).ToArray(), [batch, 3, size, size]);
        var (a, _) = BaseNetwork.Open(model, reference, ExecutionDevice.Cpu, threads);
        using var first = a;
        var (b, _) = BaseNetwork.Open(model, integer, ExecutionDevice.Cpu, threads);
        using var second = b;
        _ = Rate(first);
        _ = Rate(second);
        var rates = Enumerable.Range(0, Turns).Select(_ => (Float: Rate(first), Integer: Rate(second))).ToArray();
        return new SpeedComparison(Median(rates.Select(r => r.Float)), Median(rates.Select(r => r.Integer)),
            Median(rates.Select(r => r.Integer / r.Float)), batch, threads);

        double Rate(InferenceSession session)
        {
            using var options = new RunOptions();
            var start = Stopwatch.GetTimestamp();
            var runs = 0;
            do
            {
                using var results = session.Run(options, session.InputNames, [input], session.OutputNames);
                runs++;
            }
            while (Stopwatch.GetElapsedTime(start) < Turn);
            return runs * batch / Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted[sorted.Length / 2];
    }
}
