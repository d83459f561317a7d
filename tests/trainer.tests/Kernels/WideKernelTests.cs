using Headstart.Trainer.Kernels;
using Headstart.Trainer.Tensors;
using static TorchSharp.torch;

namespace Headstart.Tests.Kernels;

/// <summary>The products and steps of wide layers, beside the same computed here in double precision.</summary>
public sealed unsafe class WideKernelTests
{
    // One tile; several parts of the inputs with a shorter last one; several groups of the units with a shorter last one; both.
    public static readonly TheoryData<int, int, int> Shapes = new()
    {
        { 16, 4, 1 }, { 48, 8, 3 }, { 2064, 4, 5 }, { 32, 516, 4 }, { 1040, 268, 7 }, { 1568, 256, 32 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Products_are_those_of_double_precision(int inputs, int units, int n)
    {
        using var values = new Values(inputs, units, n);
        var found = Product(values, threads: 2);
        var (w, x) = (values.W(), values.X());

        for (var b = 0; b < n; b++)
        {
            for (var u = 0; u < units; u++)
            {
                var expected = 0.0;
                for (var i = 0; i < inputs; i++)
                    expected += (double)w[(u * inputs) + i] * x[(b * inputs) + i];
                Assert.Equal(expected, found[(b * units) + u], 1e-5 * Math.Sqrt(inputs));
            }
        }
    }

    /// <summary>
    /// The words of keras/src/optimizers/adam.py, with the penalty in the gradient, and with decay before the step as in PyTorch's AdamW.
    /// </summary>
    [Theory]
    [MemberData(nameof(Shapes))]
    public void Steps_follow_Keras_in_double_precision(int inputs, int units, int n)
    {
        const double learningRate = 1e-3;
        const double l2 = 0.01;
        const double decay = 0.1;
        using var values = new Values(inputs, units, n);
        double[] w = [.. values.W().Select(x => (double)x)];
        var (m, v) = (new double[w.Length], new double[w.Length]);
        var (x, dz) = (values.X(), values.Dz());

        for (var t = 1; t <= 3; t++)
        {
            var alpha = learningRate * Math.Sqrt(1 - Math.Pow(0.999, t)) / (1 - Math.Pow(0.9, t));
            Step(values, new WideAdam(0.9, 0.999, (float)alpha, 1e-7f, (float)l2, (float)(1 - (learningRate * decay))), threads: 2);
            for (var u = 0; u < units; u++)
            {
                for (var i = 0; i < inputs; i++)
                {
                    var at = (u * inputs) + i;
                    var gradient = l2 * w[at];
                    for (var b = 0; b < n; b++)
                        gradient += (double)dz[(b * units) + u] * x[(b * inputs) + i];
                    m[at] += (gradient - m[at]) * 0.1;
                    v[at] += ((gradient * gradient) - v[at]) * 0.001;
                    w[at] = (w[at] * (1 - (learningRate * decay))) - (alpha * m[at] / (Math.Sqrt(v[at]) + 1e-7));
                }
            }
        }

        Near(w, values.W(), 2e-6);
        Near(m, values.M(), 1e-5);
        Near(v, values.V(), 1e-5);
    }

    [Fact]
    public void Number_of_threads_changes_nothing()
    {
        using var one = new Values(2064, 520, 9);
        using var four = new Values(2064, 520, 9);
        var adam = new WideAdam(0.9, 0.999, 1e-3f, 1e-7f, 0, 1);

        Assert.Equal(Product(one, threads: 1), Product(four, threads: 4));
        Step(one, adam, threads: 1);
        Step(four, adam, threads: 4);

        Assert.Equal(one.W(), four.W());
        Assert.Equal(one.V(), four.V());
    }

    [Theory]
    [InlineData(25088, 256)]
    [InlineData(1280, 1024)]
    [InlineData(16, 4)]
    [InlineData(1040, 260)]
    [InlineData(50176, 4096)]
    public void Tiles_cover_every_weight_once(int inputs, int units)
    {
        var shape = new WideShape(inputs, units);
        var tiles = Enumerable.Range(0, shape.Tiles).Select(shape.Tile).ToList();

        Assert.All(tiles, t => Assert.True(t is { Inputs: > 0, Units: > 0 }, t.ToString()));
        Assert.All(tiles, t => Assert.True(t.Inputs % WideShape.Panel == 0 && t.Units % WideShape.Rows == 0, t.ToString()));
        Assert.Equal((long)inputs * units, tiles.Sum(t => (long)t.Inputs * t.Units));
        foreach (var group in tiles.GroupBy(t => t.FirstUnit))
            Assert.Equal(inputs, group.OrderBy(t => t.FirstInput).Aggregate(0, (next, t) => t.FirstInput == next ? next + t.Inputs : -1));
    }

    private static float[] Product(Values values, int threads)
    {
        var shape = new WideShape(values.Inputs, values.Units);
        using var sums = empty((long)shape.Parts * values.N * shape.Units);
        using var z = empty(values.N, shape.Units);
        WideProduct.Compute(First(values.Weights), First(values.Input), First(sums), First(z), values.N, shape, threads);
        return z.data<float>().ToArray();
    }

    private static void Step(Values values, WideAdam adam, int threads)
    {
        var shape = new WideShape(values.Inputs, values.Units);
        using var packedX = empty((long)shape.Tiles * shape.TileInputs * values.N);
        using var packedDz = empty((long)values.N * shape.Units);
        adam.Step(
            First(values.Weights), First(values.Means), First(values.Squares), First(values.Input), First(values.Gradient),
            First(packedX), First(packedDz), values.N, shape, threads);
    }

    private static float* First(Tensor tensor) => TensorMemory.First(tensor);

    private static void Near(double[] expected, float[] found, double tolerance)
    {
        for (var i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], found[i], tolerance * Math.Max(1, Math.Abs(expected[i])));
    }

    private sealed class Values(int inputs, int units, int n) : IDisposable
    {
        private readonly Generator _generator = new(7);

        public int Inputs => inputs;

        public int Units => units;

        public int N => n;

        public Tensor Weights => field ??= Draw(units, inputs, -1);

        public Tensor Input => field ??= Draw(n, inputs, 0);

        // No negative ones: where terms cancel, Adam divides what rounding left by itself.
        public Tensor Gradient => field ??= Draw(n, units, 0);

        public Tensor Means { get; } = zeros(units, inputs);

        public Tensor Squares { get; } = zeros(units, inputs);

        public float[] W() => Weights.data<float>().ToArray();

        public float[] X() => Input.data<float>().ToArray();

        public float[] Dz() => Gradient.data<float>().ToArray();

        public float[] M() => Means.data<float>().ToArray();

        public float[] V() => Squares.data<float>().ToArray();

        public void Dispose()
        {
            foreach (var tensor in (Tensor[])[Weights, Input, Gradient, Means, Squares])
                tensor.Dispose();
            _generator.Dispose();
        }

        private Tensor Draw(int rows, int columns, double least) => empty(rows, columns).uniform_(least, 1, _generator);
    }
}
