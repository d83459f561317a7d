using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Headstart.Trainer.Kernels;

/// <summary>
/// One step of Adam on the weights of a wide dense layer, whose gradient dzᵀ · x is used where it is computed, and never written.
/// </summary>
/// <remarks>
/// The step is bound by memory: it reads and writes weights and moments, 24 bytes a weight. Through libtorch a gradient would be written,
/// and read again: 12 more
/// (the line is fetched before it is written), and the product by itself takes as long as all of this. Every weight's sum over the images
/// has one order, so the
/// number of threads doesn't change a bit.
/// </remarks>
/// <param name="Beta1">How much of the first moments is kept.</param>
/// <param name="Beta2">Likewise of the second.</param>
/// <param name="Rate">lr · sqrt(1-b2^t)/(1-b1^t).</param>
/// <param name="Epsilon">Keras' epsilon hat.</param>
/// <param name="L2">The gradient gets so much of the weight.</param>
/// <param name="Kept">What weight decay leaves: 1 - lr · decay.</param>
internal readonly record struct WideAdam(double Beta1, double Beta2, float Rate, float Epsilon, float L2, float Kept)
{
    private readonly float _new1 = (float)(1 - Beta1);
    private readonly float _new2 = (float)(1 - Beta2);
    private readonly float _old2 = (float)Beta2;

    /// <param name="w">Weights [units, inputs]; changed.</param>
    /// <param name="m">First moments, likewise.</param>
    /// <param name="v">Second moments, likewise.</param>
    /// <param name="x">The layer's input [n, inputs].</param>
    /// <param name="dz">The loss' gradient by its output [n, units].</param>
    /// <param name="packedX">Room for n inputs of every tile.</param>
    /// <param name="packedDz">Room for dz.</param>
    public unsafe void Step(
        float* w, float* m, float* v, float* x, float* dz, float* packedX, float* packedDz, int n, WideShape shape, int threads)
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
        var gradient = OuterProduct.Of(new PackedInputs(x), dz, WideShape.Rows, n);
        Move(w, m, v, gradient.A0, gradient.A1);
        Move(w + inputs, m + inputs, v + inputs, gradient.B0, gradient.B1);
        Move(w + (2L * inputs), m + (2L * inputs), v + (2L * inputs), gradient.C0, gradient.C1);
        Move(w + (3L * inputs), m + (3L * inputs), v + (3L * inputs), gradient.D0, gradient.D1);
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
        mean = Vector256.FusedMultiplyAdd(Vector256.Create(_new1), gradient - mean, mean);
        square = Vector256.FusedMultiplyAdd(Vector256.Create(_new2) * gradient, gradient, Vector256.Create(_old2) * square);
        weight = (Vector256.Create(Kept) * weight) - (Vector256.Create(Rate) * mean / (Vector256.Sqrt(square) + Vector256.Create(Epsilon)));
        weight.Store(w);
        mean.Store(m);
        square.Store(v);
    }
}
