using System.Runtime.Intrinsics;

namespace Headstart.Trainer.Kernels;

/// <summary>
/// z = x · wᵀ for x [n, inputs] and w [units, inputs], on all cores: a tile of w at a time, so that what is read often lies near.
/// </summary>
/// <remarks>The sums over parts of the inputs are added in their order, so the number of threads doesn't change a bit.</remarks>
internal static unsafe class WideProduct
{
    private const int UnitsAtOnce = 16;

    /// <param name="w">[units, inputs].</param>
    /// <param name="x">[n, inputs].</param>
    /// <param name="sums">Room for [parts, n, units].</param>
    /// <param name="z">[n, units].</param>
    public static void Compute(float* w, float* x, float* sums, float* z, int n, WideShape shape, int threads)
    {
        Parallel.For(0, shape.Tiles, new ParallelOptions { MaxDegreeOfParallelism = threads }, index =>
        {
            var tile = shape.Tile(index);
            Tile(w, x, sums + ((long)tile.Part * n * shape.Units), n, tile, shape);
        });
        var values = n * shape.Units;
        for (var i = 0; i < values; i += 4)
        {
            var sum = Vector128.Load(sums + i);
            for (var part = 1; part < shape.Parts; part++)
                sum += Vector128.Load(sums + ((long)part * values) + i);
            sum.Store(z + i);
        }
    }

    private static void Tile(float* w, float* x, float* z, int n, WideTile tile, WideShape shape)
    {
        w += tile.FirstInput;
        x += tile.FirstInput;
        for (var block = tile.FirstUnit; block < tile.FirstUnit + tile.Units; block += UnitsAtOnce)
        {
            var end = Math.Min(block + UnitsAtOnce, tile.FirstUnit + tile.Units);
            var b = 0;
            for (; b + 4 <= n; b += 4)
            {
                for (var u = block; u < end; u += 2)
                {
                    var kernel = w + ((long)u * shape.Inputs);
                    var row = x + ((long)b * shape.Inputs);
                    FourByTwo(
                        kernel, kernel + shape.Inputs, row, row + shape.Inputs, row + (2L * shape.Inputs), row + (3L * shape.Inputs),
                        z + ((long)b * shape.Units) + u, shape.Units, tile.Inputs);
                }
            }

            for (; b < n; b++)
            {
                for (var u = block; u < end; u++)
                    z[((long)b * shape.Units) + u] = Dot(w + ((long)u * shape.Inputs), x + ((long)b * shape.Inputs), tile.Inputs);
            }
        }
    }

    /// <summary>The products of four rows with two: eight sums at once, as many as it takes to keep two multipliers busy.</summary>
    /// <param name="z">Where those of the first row go; those of the next lie <paramref name="stride"/> further.</param>
    /// <param name="count">A multiple of 8.</param>
    public static void FourByTwo(float* w0, float* w1, float* xa, float* xb, float* xc, float* xd, float* z, int stride, int count)
    {
        Vector256<float> a0 = default, a1 = default, b0 = default, b1 = default, c0 = default, c1 = default, d0 = default, d1 = default;
        for (var i = 0; i < count; i += 8)
        {
            var (u0, u1) = (Vector256.Load(w0 + i), Vector256.Load(w1 + i));
            var row = Vector256.Load(xa + i);
            a0 = Vector256.FusedMultiplyAdd(row, u0, a0);
            a1 = Vector256.FusedMultiplyAdd(row, u1, a1);
            row = Vector256.Load(xb + i);
            b0 = Vector256.FusedMultiplyAdd(row, u0, b0);
            b1 = Vector256.FusedMultiplyAdd(row, u1, b1);
            row = Vector256.Load(xc + i);
            c0 = Vector256.FusedMultiplyAdd(row, u0, c0);
            c1 = Vector256.FusedMultiplyAdd(row, u1, c1);
            row = Vector256.Load(xd + i);
            d0 = Vector256.FusedMultiplyAdd(row, u0, d0);
            d1 = Vector256.FusedMultiplyAdd(row, u1, d1);
        }

        (z[0], z[1]) = (Vector256.Sum(a0), Vector256.Sum(a1));
        z += stride;
        (z[0], z[1]) = (Vector256.Sum(b0), Vector256.Sum(b1));
        z += stride;
        (z[0], z[1]) = (Vector256.Sum(c0), Vector256.Sum(c1));
        z += stride;
        (z[0], z[1]) = (Vector256.Sum(d0), Vector256.Sum(d1));
    }

    /// <param name="count">A multiple of 8.</param>
    public static float Dot(float* w, float* x, int count)
    {
        var sum = Vector256<float>.Zero;
        for (var i = 0; i < count; i += 8)
            sum = Vector256.FusedMultiplyAdd(Vector256.Load(x + i), Vector256.Load(w + i), sum);
        return Vector256.Sum(sum);
    }
}
