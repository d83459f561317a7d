using Headstart.Models;
using Headstart.Models.Onnx;
using Headstart.Preprocessing;

namespace Headstart.Extraction.Import;

/// <summary>Runs two graphs on one picture to see whether they compute the same.</summary>
internal static class GraphComparison
{
    /// <summary>How far apart two ways to compute the same float32 numbers may be, as a fraction of a tensor's largest value.</summary>
    /// <remarks>
    /// Sums of another order, and batch norms folded into convolutions, stay far below; another stride, padding or weight far above.
    /// </remarks>
    public const double Tolerance = 1e-3;

    /// <summary>The pair of outputs that differs most.</summary>
    /// <param name="path">For messages.</param>
    /// <param name="pairs">An output of <paramref name="first"/>, and the one of <paramref name="second"/> that should equal it.</param>
    /// <param name="preprocessing">Of both: each has one input, batch x 3 x Size x Size.</param>
    /// <param name="batch">The batch size that both accept.</param>
    /// <returns>The difference is infinite where shapes differ, or values are not finite.</returns>
    /// <exception cref="Headstart.CommandException">ONNX Runtime can't run one of them.</exception>
    public static (string Output, double Difference) Run(
        ModelProto first, ModelProto second, string path, IReadOnlyList<(string First, string Second)> pairs,
        ImagePreprocessing preprocessing, int batch = 1)
    {
        float[][] images = [.. Enumerable.Repeat(SyntheticInput.Create(preprocessing, seed: 0), batch)];
        using var one = GraphProbe.Open(first, path);
        using var other = GraphProbe.Open(second, path);
        var (a, b) = (one.Run(images, preprocessing.Size), other.Run(images, preprocessing.Size));
        return pairs.Select(p => (p.Second, Difference(a.GetValueOrDefault(p.First), b.GetValueOrDefault(p.Second)))).MaxBy(d => d.Item2);
    }

    private static double Difference(ProbeOutput? expected, ProbeOutput? found)
    {
        if (expected is null || found is null || !expected.Shape.SequenceEqual(found.Shape))
            return double.PositiveInfinity;
        var (difference, largest) = (0.0, 0.0);
        for (var i = 0; i < expected.Values.Length; i++)
        {
            if (!float.IsFinite(expected.Values[i]) || !float.IsFinite(found.Values[i]))
                return double.PositiveInfinity;
            difference = Math.Max(difference, Math.Abs(expected.Values[i] - found.Values[i]));
            largest = Math.Max(largest, Math.Abs(expected.Values[i]));
        }

        return difference == 0 ? 0 : difference / largest;
    }
}
