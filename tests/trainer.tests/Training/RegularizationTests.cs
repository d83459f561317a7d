using Headstart.Trainer.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Headstart.Tests.Training;

/// <summary>
/// Steps on a kernel of two values and a bias, beside the same steps in double precision, from the formulas that Keras and PyTorch
/// document.
/// </summary>
public sealed class RegularizationTests
{
    private const double Rate = 0.1;
    private static readonly double[] Start = [0.5, -2, 1]; // the last is the bias
    private static readonly double[][] Gradients = [[3, -4, 12], [0.3, 0.1, -0.2], [-1, 2, 0.5]];

    [Fact]
    public void Sgd_has_PyTorchs_momentum()
    {
        var (x, v) = (Start.ToArray(), new double[3]);
        foreach (var g in Gradients)
        {
            for (var i = 0; i < 3; i++)
            {
                v[i] = (0.9 * v[i]) + g[i];
                x[i] -= Rate * v[i];
            }
        }

        Near(x, Run(new TrainingOptions { Optimizer = OptimizerChoice.Sgd }));
    }

    [Theory]
    [InlineData(OptimizerChoice.Adamw, null, 0.004)] // Keras' default
    [InlineData(OptimizerChoice.Adamw, 0.3, 0.3)]
    [InlineData(OptimizerChoice.Adam, 0.3, 0.3)]
    [InlineData(OptimizerChoice.Adam, null, 0.0)]
    public void Weight_decay_is_decoupled_and_leaves_biases_alone(OptimizerChoice optimizer, double? given, double decay)
    {
        var (x, m, v) = (Start.ToArray(), new double[3], new double[3]);
        for (var t = 1; t <= Gradients.Length; t++)
        {
            var alpha = Rate * Math.Sqrt(1 - Math.Pow(0.999, t)) / (1 - Math.Pow(0.9, t));
            for (var i = 0; i < 3; i++)
            {
                var g = Gradients[t - 1][i];
                m[i] += (g - m[i]) * 0.1;
                v[i] += ((g * g) - v[i]) * 0.001;
                x[i] -= (i < 2 ? Rate * decay * x[i] : 0) + (m[i] * alpha / (Math.Sqrt(v[i]) + 1e-7));
            }
        }

        Near(x, Run(new TrainingOptions { Optimizer = optimizer, WeightDecay = given }));
    }

    [Fact]
    public void Penalty_pulls_kernels_in_proportion_and_leaves_biases_alone()
    {
        var (x, v) = (Start.ToArray(), new double[3]);
        foreach (var g in Gradients)
        {
            for (var i = 0; i < 3; i++)
            {
                v[i] = (0.9 * v[i]) + g[i] + (i < 2 ? 0.7 * x[i] : 0);
                x[i] -= Rate * v[i];
            }
        }

        Near(x, Run(new TrainingOptions { Optimizer = OptimizerChoice.Sgd, L2 = 0.7 }));
    }

    [Fact]
    public void Clipping_shortens_all_gradients_together_and_only_where_they_are_too_long()
    {
        var (x, v) = (Start.ToArray(), new double[3]);
        foreach (var g in Gradients)
        {
            var length = Math.Sqrt(g.Sum(a => a * a)); // 13, 0.37, 2.3
            for (var i = 0; i < 3; i++)
            {
                v[i] = (0.9 * v[i]) + (length > 2 ? g[i] * 2 / length : g[i]);
                x[i] -= Rate * v[i];
            }
        }

        Near(x, Run(new TrainingOptions { Optimizer = OptimizerChoice.Sgd, Clip = 2 }));
    }

    [Fact]
    public void Nothing_is_touched_by_default_and_no_tensors_are_left()
    {
        using var kernel = new Parameter(ones(1, 2));
        kernel.grad = full([1, 2], 3.0f);
        var options = new TrainingOptions { L2 = 0.1, Clip = 1, WeightDecay = 0.1 };
        new Regularization([kernel], options).Apply(Rate);
        var before = DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;
        new Regularization([kernel], options).Apply(Rate);
        Assert.Equal(before, DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount);

        var (weights, gradient) = (kernel.data<float>().ToArray(), kernel.grad!.data<float>().ToArray());
        new Regularization([kernel], new TrainingOptions()).Apply(Rate);
        Assert.Equal(weights, kernel.data<float>().ToArray());
        Assert.Equal(gradient, kernel.grad!.data<float>().ToArray());
    }

    private static double[] Run(TrainingOptions options)
    {
        using var kernel = new Parameter(tensor([(float)Start[0], (float)Start[1]], [1, 2]));
        using var bias = new Parameter(tensor([(float)Start[2]]));
        using var optimizer = GradientOptimizer.Create(options.Optimizer, [kernel, bias]);
        var regularization = new Regularization([kernel, bias], options);
        foreach (var g in Gradients)
        {
            optimizer.ClearGradients();
            kernel.grad = tensor([(float)g[0], (float)g[1]], [1, 2]);
            bias.grad = tensor([(float)g[2]]);
            regularization.Apply(Rate);
            optimizer.Step(Rate);
        }

        return [.. kernel.data<float>().Concat(bias.data<float>()).Select(w => (double)w)];
    }

    private static void Near(double[] expected, double[] found)
    {
        for (var i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], found[i], 2e-6);
    }
}
