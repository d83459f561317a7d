using System.Runtime.Intrinsics;
using Headstart.Trainer.Features;
using Headstart.Trainer.Tensors;
using TorchSharp;
using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;

namespace Headstart.Trainer.Kernels;

/// <summary>
/// The first layers of stacked heads that each have an order of their own: what goes in is read where it lies, instead of being gathered
/// for every head.
/// </summary>
/// <remarks>Nothing before these layers is trained, so of their gradients only the kernels' is wanted.</remarks>
internal sealed unsafe class RowLayer : IDisposable
{
    // Their pointers stand on the stack; and with more images libtorch's products are large enough to be fast.
    private const int MostImages = 128;

    private readonly float* _features;
    private readonly Parameter _kernels;
    private readonly Tensor _gradient;
    private readonly int _heads;
    private readonly int _units;
    private readonly int _inputs;
    private readonly int[] _rows;
    private Tensor? _output;

    private RowLayer(Parameter kernels, FeatureSet features, int batch)
    {
        _features = TensorMemory.First(features.Features);
        _kernels = kernels;
        _gradient = empty_like(kernels).DetachFromDisposeScope();
        (_heads, _units, _inputs) = ((int)kernels.shape[0], (int)kernels.shape[1], (int)kernels.shape[2]);
        _rows = new int[_heads * Math.Min(batch, features.Count)];
    }

    /// <param name="kernels">[K, units, inputs].</param>
    /// <param name="features">What they are multiplied with; must live longer than this.</param>
    /// <param name="batch">The most images in a batch.</param>
    /// <returns>Null where this processor or shape is nothing for these kernels.</returns>
    public static RowLayer? Of(Parameter kernels, FeatureSet features, int batch) =>
        batch <= MostImages && Vector256.IsHardwareAccelerated
            && kernels.device_type == DeviceType.CPU && kernels.shape[2] % WideShape.Panel == 0
            ? new RowLayer(kernels, features, batch)
            : null;

    /// <summary>Multiplies each head's kernels with its images.</summary>
    /// <param name="rows">Of the features: head after head.</param>
    /// <returns>[K, n, units]. Its gradient is what <see cref="SetGradient"/> reads.</returns>
    public Tensor Multiply(ReadOnlySpan<int> rows)
    {
        rows.CopyTo(_rows);
        var n = rows.Length / _heads;
        using (no_grad())
            _output = empty(_heads, n, _units);
        var kernels = TensorMemory.First(_kernels);
        var output = TensorMemory.First(_output);
        ForEachHead(head => Multiply(head, kernels + ((long)head * _units * _inputs), output + ((long)head * n * _units), n));
        _output.requires_grad = true;
        return _output;
    }

    /// <summary>Gives the kernels their gradient, after the backward pass.</summary>
    public void SetGradient()
    {
        using var scope = NewDisposeScope();
        var output = _output?.grad ?? throw new InvalidOperationException("the layer's output has no gradient: call backward first");
        var byOutput = output.contiguous();
        var n = (int)byOutput.shape[1];
        var dz = TensorMemory.First(byOutput);
        var gradient = TensorMemory.First(_gradient);
        ForEachHead(head => Differentiate(head, dz + ((long)head * n * _units), gradient + ((long)head * _units * _inputs), n));
        _kernels.grad = _gradient;
    }

    public void Dispose() => _gradient.Dispose();

    private void ForEachHead(Action<int> work)
    {
        var threads = get_num_threads();
        if (threads > 1)
        {
            Parallel.For(0, _heads, new ParallelOptions { MaxDegreeOfParallelism = threads }, work);
            return;
        }

        for (var head = 0; head < _heads; head++)
            work(head);
    }

    private float* Row(int head, int image, int n) => _features + ((long)_rows[(head * n) + image] * _inputs);

    private void Multiply(int head, float* kernels, float* z, int n)
    {
        var image = 0;
        for (; image + 4 <= n; image += 4)
        {
            float* a = Row(head, image, n), b = Row(head, image + 1, n), c = Row(head, image + 2, n), d = Row(head, image + 3, n);
            for (var unit = 0; unit + 2 <= _units; unit += 2)
            {
                var kernel = kernels + ((long)unit * _inputs);
                WideProduct.FourByTwo(kernel, kernel + _inputs, a, b, c, d, z + (image * _units) + unit, _units, _inputs);
            }
        }

        // What is left: the last unit where their number is odd, and all units of the last images.
        for (var i = 0; i < n; i++)
        {
            for (var unit = i < image ? _units / 2 * 2 : 0; unit < _units; unit++)
                z[(i * _units) + unit] = WideProduct.Dot(kernels + ((long)unit * _inputs), Row(head, i, n), _inputs);
        }
    }

    private void Differentiate(int head, float* dz, float* gradient, int n)
    {
        var rows = stackalloc float*[n];
        for (var image = 0; image < n; image++)
            rows[image] = Row(head, image, n);
        for (var input = 0; input < _inputs; input += WideShape.Panel)
        {
            var unit = 0;
            for (; unit + 4 <= _units; unit += 4)
                FourUnits(rows, input, dz + unit, gradient + ((long)unit * _inputs) + input, n);
            for (; unit < _units; unit++)
                OneUnit(rows, input, dz + unit, gradient + ((long)unit * _inputs) + input, n);
        }
    }

    private void FourUnits(float** rows, int input, float* dz, float* gradient, int n)
    {
        var of = OuterProduct.Of(new InputsInPlace(rows, input), dz, _units, n);
        Store(of.A0, of.A1, gradient);
        Store(of.B0, of.B1, gradient + _inputs);
        Store(of.C0, of.C1, gradient + (2L * _inputs));
        Store(of.D0, of.D1, gradient + (3L * _inputs));
    }

    private void OneUnit(float** rows, int input, float* dz, float* gradient, int n)
    {
        Vector256<float> sum0 = default, sum1 = default;
        for (var image = 0; image < n; image++, dz += _units)
        {
            var unit = Vector256.Create(dz[0]);
            sum0 = Vector256.FusedMultiplyAdd(unit, Vector256.Load(rows[image] + input), sum0);
            sum1 = Vector256.FusedMultiplyAdd(unit, Vector256.Load(rows[image] + input + 8), sum1);
        }

        Store(sum0, sum1, gradient);
    }

    private static void Store(Vector256<float> first, Vector256<float> second, float* to)
    {
        first.Store(to);
        second.Store(to + 8);
    }
}
