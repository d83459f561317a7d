using System.Runtime.Intrinsics;
using Headstart.Trainer.Kernels;

namespace Headstart.Tests.Kernels;

/// <summary>The inner loop of gradients, beside the same as anyone would write it: bit for bit, in whatever instructions.</summary>
public sealed unsafe class OuterProductTests
{
    [Theory]
    [InlineData(1, 4)]
    [InlineData(5, 4)]
    [InlineData(32, 7)]
    public void Sums_are_taken_image_after_image(int n, int stride)
    {
        var random = new SeededRandom(n, "outer product");
        float[] x = [.. Enumerable.Range(0, n * 16).Select(_ => Draw())];
        float[] dz = [.. Enumerable.Range(0, n * stride).Select(_ => Draw())];
        var expected = Naive(x, dz, stride, n);

        fixed (float* inputs = x, gradient = dz)
        {
            var rows = stackalloc float*[n];
            for (var i = 0; i < n; i++)
                rows[i] = inputs + (16 * i) - 3; // in place the 16 begin anywhere in the row

            Assert.Equal(expected, Values(OuterProduct.Of(new PackedInputs(inputs), gradient, stride, n)));
            Assert.Equal(expected, Values(OuterProduct.Of(new InputsInPlace(rows, 3), gradient, stride, n)));
        }

        float Draw() => (random.NextBelow(1 << 20) / (float)(1 << 20)) - 0.5f;
    }

    // Unit after unit, input after input.
    private static float[] Naive(float[] x, float[] dz, int stride, int n)
    {
        var sums = new float[4 * 16];
        for (var at = 0; at < sums.Length; at++)
        {
            for (var image = 0; image < n; image++)
                sums[at] = MathF.FusedMultiplyAdd(dz[(image * stride) + (at / 16)], x[(image * 16) + (at % 16)], sums[at]);
        }

        return sums;
    }

    private static float[] Values(OuterProduct product)
    {
        Vector256<float>[] vectors = [product.A0, product.A1, product.B0, product.B1, product.C0, product.C1, product.D0, product.D1];
        return [.. vectors.SelectMany(v => Enumerable.Range(0, 8).Select(i => v.GetElement(i)))];
    }
}
