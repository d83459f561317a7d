using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Headstart.Trainer.Kernels;

/// <summary>Where the next 16 inputs of each image of a batch lie.</summary>
internal unsafe interface IInputs
{
    float* Of(int image);
}

/// <summary>One image's after the other's, without a gap.</summary>
internal readonly unsafe struct PackedInputs(float* first) : IInputs
{
    private readonly float* _first = first;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float* Of(int image) => _first + (image * WideShape.Panel);
}

/// <summary>Somewhere in rows of their own.</summary>
internal readonly unsafe struct InputsInPlace(float** rows, int input) : IInputs
{
    private readonly float** _rows = rows;
    private readonly int _input = input;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float* Of(int image) => _rows[image] + _input;
}

/// <summary>A piece of dzᵀ · x, the gradient of a dense layer's weights: 4 units by 16 inputs, two vectors a unit.</summary>
internal readonly record struct OuterProduct(
    Vector256<float> A0, Vector256<float> A1, Vector256<float> B0, Vector256<float> B1,
    Vector256<float> C0, Vector256<float> C1, Vector256<float> D0, Vector256<float> D1)
{
    /// <summary>The sums over a batch, image after image: eight at once, as many as it takes to keep two multipliers busy.</summary>
    /// <param name="x">The inputs of <paramref name="n"/> images.</param>
    /// <param name="dz">The gradient by the four units of the first image.</param>
    /// <param name="stride">How far it is to those of the next.</param>
    /// <param name="n">How many images.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe OuterProduct Of<TInputs>(TInputs x, float* dz, int stride, int n)
        where TInputs : struct, IInputs
    {
        Vector256<float> a0 = default, a1 = default, b0 = default, b1 = default, c0 = default, c1 = default, d0 = default, d1 = default;
        for (var image = 0; image < n; image++, dz += stride)
        {
            var inputs = x.Of(image);
            var (x0, x1) = (Vector256.Load(inputs), Vector256.Load(inputs + 8));
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
        }

        return new OuterProduct(a0, a1, b0, b1, c0, c1, d0, d1);
    }
}
