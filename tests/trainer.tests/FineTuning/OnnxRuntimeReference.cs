using Google.Protobuf;
using Headstart.Models.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace Headstart.Tests.FineTuning;

/// <summary>What ONNX Runtime computes on the CPU: the other side of the comparison.</summary>
internal static class OnnxRuntimeReference
{
    /// <summary>All outputs of a graph, row-major, by name.</summary>
    /// <param name="model">A graph with one input, [n, 3, size, size].</param>
    /// <param name="images">n x 3 x size x size values.</param>
    /// <param name="size">Height and width, in pixels.</param>
    public static IReadOnlyDictionary<string, float[]> Run(ModelProto model, float[] images, int size)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 2 };
        using var session = new InferenceSession(model.ToByteArray(), options);
        using var run = new RunOptions();
        using var input = OrtValue.CreateTensorValueFromMemory(images, [images.Length / (3 * size * size), 3, size, size]);
        using var results = session.Run(run, session.InputNames, [input], session.OutputNames);
        return session.OutputNames.Zip(results).ToDictionary(r => r.First, r => r.Second.GetTensorDataAsSpan<float>().ToArray());
    }

    /// <summary>The Euclidean length of the difference as a fraction of that of <paramref name="expected"/>.</summary>
    public static double RelativeDistance(ReadOnlySpan<float> found, ReadOnlySpan<float> expected)
    {
        Assert.Equal(expected.Length, found.Length);
        var (difference, length) = (0.0, 0.0);
        for (var i = 0; i < expected.Length; i++)
        {
            difference += Math.Pow((double)found[i] - expected[i], 2);
            length += Math.Pow(expected[i], 2);
        }

        return Math.Sqrt(difference / length);
    }
}
