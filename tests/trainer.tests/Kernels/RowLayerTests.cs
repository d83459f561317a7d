using System.Runtime.Intrinsics;
using Headstart.Models;
using Headstart.Trainer.Features;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Sweeps;
using static TorchSharp.torch;

namespace Headstart.Tests.Kernels;

public sealed class RowLayerTests
{
    private const int Heads = 3;
    private const int Rows = 21;

    [Theory]
    [InlineData("dense(7, relu)", 48, 3, true)]
    [InlineData("dense(8, relu)", 16, 3, true)]
    [InlineData("dense(1)", 32, 3, true)]
    [InlineData("dropout(0.1)", 48, 3, false)]
    [InlineData("dense(7, relu)", 40, 3, false)] // no whole panels
    [InlineData("dense(7, relu)", 48, 1, false)]
    public void Heads_with_orders_of_their_own_read_their_rows_in_place(string spec, int channels, int orders, bool inPlace)
    {
        var layer = new ModelLayer("pooled", new LayerShape(channels, 1, 1));
        var heads = Enumerable.Range(0, Heads).Select(i => new Head(HeadPlan.Create(HeadSpec.Parse(spec), layer, 2), i, CPU)).ToList();
        using var scope = NewDisposeScope();
        using var stack = new HeadStack(heads);
        using var features = new FeatureSet(rand(Rows, channels), new int[Rows]);

        using var rows = stack.InPlace(features, orders, 16);

        Assert.Equal(inPlace && Vector256.IsHardwareAccelerated, rows is not null);
        foreach (var n in rows is null ? [] : (int[])[5, 4, 1]) // four and one; four; one
        {
            int[] drawn = [.. Enumerable.Range(0, Heads * n).Select(i => (i * 8) % Rows)];
            var found = rows!.Multiply(drawn);
            var weight = rand(found.shape);
            (found * weight).sum().backward();
            rows.SetGradient();

            var (x, kernels, dz) = (Values(features.Features), Values(stack.Parameters[0]), Values(weight));
            var units = kernels.Length / (Heads * channels);
            Near(Products(x, kernels, drawn, n, units, channels), Values(found));
            Near(Gradients(x, dz, drawn, n, units, channels), Values(stack.Parameters[0].grad!));
        }

        heads.ForEach(h => h.Dispose());
    }

    // [K, n, units] of every head's images with its kernels.
    private static double[] Products(float[] x, float[] kernels, int[] rows, int n, int units, int inputs)
    {
        var sums = new double[Heads * n * units];
        for (var at = 0; at < sums.Length; at++)
        {
            var (head, image, unit) = (at / (n * units), at / units % n, at % units);
            for (var i = 0; i < inputs; i++)
                sums[at] += (double)x[(rows[(head * n) + image] * inputs) + i] * kernels[(((head * units) + unit) * inputs) + i];
        }

        return sums;
    }

    // [K, units, inputs].
    private static double[] Gradients(float[] x, float[] dz, int[] rows, int n, int units, int inputs)
    {
        var sums = new double[Heads * units * inputs];
        for (var at = 0; at < sums.Length; at++)
        {
            var (head, unit, input) = (at / (units * inputs), at / inputs % units, at % inputs);
            for (var image = 0; image < n; image++)
                sums[at] += (double)dz[(((head * n) + image) * units) + unit] * x[(rows[(head * n) + image] * inputs) + input];
        }

        return sums;
    }

    private static void Near(double[] expected, float[] found)
    {
        Assert.Equal(expected.Length, found.Length);
        for (var i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], found[i], 1e-5);
    }

    private static float[] Values(Tensor tensor) => tensor.detach().contiguous().data<float>().ToArray();
}
