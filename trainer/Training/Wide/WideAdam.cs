using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Headstart.Training.Wide;

/// <summary>One step of <see cref="KerasAdam"/> on the weights of a wide dense layer, whose gradient dzᵀ · x is used where it is computed, and never written.</summary>
/// <remarks>
/// The step is bound by memory: it reads and writes weights and moments, 24 bytes a weight. Through libtorch a gradient would be written, and read again: 12 more
/// (the line is fetched before it is written), and the product by itself takes as long as all of this. Every weight's sum over the images has one order, so the
/// number of threads doesn't change a bit.
/// </remarks>
/// <param name="Rate">lr · sqrt(1-b2^t)/(1-b1^t).</param>
/// <param name="Epsilon">Keras' epsilon hat.</param>
/// <param name="L2">The gradient gets so much of the weight.</param>
/// <param name="Kept">What weight decay leaves: 1 - lr · decay.</param>
internal readonly record struct WideAdam(float Rate, float Epsilon, float L2, float Kept)
{
    private const float New1 = (float)(1 - KerasAdam.Beta1);
    private const float New2 = (float)(1 - KerasAdam.Beta2);
    private const float Old2 = (float)KerasAdam.Beta2;

    /// <param name="w">Weights [units, inputs]; changed.</param>
    /// <param name="m">First moments, likewise.</param>
    /// <param name="v">Second moments, likewise.</param>
    /// <param name="x">The layer's input [n, inputs].</param>
    /// <param name="dz">The loss' gradient by its output [n, units].</param>
    /// <param name="packedX">Room for n inputs of every tile.</param>
    /// <param name="packedDz">Room for dz.</param>
    public unsafe void Step(float* w, float* m, float* v, float* x, float* dz, float* packedX, float* packedDz, int n, WideShape shape, int threads)
    {
        PackUnits(dz, packedDz, n, shape);
        var step = this;
        Parallel.For(0, shape.Tiles, new ParallelOptions { MaxDegreeOfParallelism = threads }, index =>
        {
            var tile = shape.Tile(index);
            var ofTile = packedX + ((long)tile.Index * n * shape.TileInputs);
            PackInputs(x + tile.FirstInput, ofTile, n, tile.Inputs, shape);
            for (var u = tile.FirstUnit; u < tile.FirstUnit + tile.Units; u += WideShape.Rows)
            {
                var at = ((long)u * shape.Inputs) + tile.FirstInput;
                for (var i = 0; i < tile.Inputs; i += WideShape.Panel)
                    step.Panel(w + at + i, m + at + i, v + at + i, ofTile + ((long)i * n), packedDz + ((long)u * n), n, shape.Inputs);
            }
        });
    }

    // [n, units] to [units / 4, n, 4].
    private static unsafe void PackUnits(float* dz, float* packed, int n, WideShape shape)
    {
        for (var u = 0; u < shape.Units; u += WideShape.Rows)
        {
            for (var b = 0; b < n; b++)
                Vector128.Load(dz + ((long)b * shape.Units) + u).Store(packed + ((long)u * n) + (b * WideShape.Rows));
        }
    }

    // Of [n, inputs] the first ones, to [count / 16, n, 16].
    private static unsafe void PackInputs(float* x, float* packed, int n, int count, WideShape shape)
    {
        for (var b = 0; b < n; b++)
        {
            var row = x + ((long)b * shape.Inputs);
            for (var i = 0; i < count; i += WideShape.Panel)
            {
                var to = packed + ((long)i * n) + (b * WideShape.Panel);
                Vector256.Load(row + i).Store(to);
                Vector256.Load(row + i + 8).Store(to + 8);
            }
        }
    }

    // The gradients of 4 units by 16 inputs, and the step of these weights.
    private unsafe void Panel(float* w, float* m, float* v, float* x, float* dz, int n, int inputs)
    {
        Vector256<float> a0 = default, a1 = default, b0 = default, b1 = default, c0 = default, c1 = default, d0 = default, d1 = default;
        for (var image = 0; image < n; image++)
        {
            var (x0, x1) = (Vector256.Load(x), Vector256.Load(x + 8));
            var unit = Vector256.Create(dz[0]);
            a0 = Vector256.FusedMultiplyAdd(unit, x0, a0);
            a1 = Vector256.FusedMultiplyAdd(unit, x1, a1);
            unit = Vector256.Create(dz[1]);
            b0 = Vector256.FusedMultiplyAdd(unit, x0, b0);
            b1 = Vector256.FusedMultiplyAdd(unit, x1, b1);
            unit = Vector256.Create(dz[2]);
            c0 = Vector256.FusedMultiplyAdd(unit, x0, c0);
            c1 = Vector256.FusedMultiplyAdd(unit, x1, c1);
            unit = Vector256.Create(dz[3]);
            d0 = Vector256.FusedMultiplyAdd(unit, x0, d0);
            d1 = Vector256.FusedMultiplyAdd(unit, x1, d1);
            x += WideShape.Panel;
            dz += WideShape.Rows;
        }

        Move(w, m, v, a0, a1);
        Move(w + inputs, m + inputs, v + inputs, b0, b1);
        Move(w + (2L * inputs), m + (2L * inputs), v + (2L * inputs), c0, c1);
        Move(w + (3L * inputs), m + (3L * inputs), v + (3L * inputs), d0, d1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private unsafe void Move(float* w, float* m, float* v, Vector256<float> gradient0, Vector256<float> gradient1)
    {
        Move(w, m, v, gradient0);
        Move(w + 8, m + 8, v + 8, gradient1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private unsafe void Move(float* w, float* m, float* v, Vector256<float> gradient)
    {
        var (weight, mean, square) = (Vector256.Load(w), Vector256.Load(m), Vector256.Load(v));
        gradient = Vector256.FusedMultiplyAdd(Vector256.Create(L2), weight, gradient);
        mean = Vector256.FusedMultiplyAdd(Vector256.Create(New1), gradient - mean, mean);
        square = Vector256.FusedMultiplyAdd(Vector256.Create(New2) * gradient, gradient, Vector256.Create(Old2) * square);
        weight = (Vector256.Create(Kept) * weight) - (Vector256.Create(Rate) * mean / (Vector256.Sqrt(square) + Vector256.Create(Epsilon)));
        weight.Store(w);
        mean.Store(m);
        square.Store(v);
    }
}
