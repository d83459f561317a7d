using Headstart.Trainer.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Headstart.Tests.Training;

public sealed class KerasAdamTests
{
    private const double Beta1 = 0.9;
    private const double Beta2 = 0.999;
    private const double Epsilon = 1e-7;

    /// <summary>
    /// The expected values are computed here in double precision, in the words of keras/src/optimizers/adam.py:
    /// alpha = lr·sqrt(1-b2^t)/(1-b1^t); m += (g-m)(1-b1); v += (g²-v)(1-b2); x -= m·alpha/(sqrt(v)+epsilon).
    /// </summary>
    [Theory]
    [InlineData(1.0)]
    [InlineData(1e-3)]
    [InlineData(1e-7)] // gradients as small as epsilon: here epsilon-hat and epsilon differ by a factor of 30
    public void Steps_follow_Keras_in_double_precision(double gradientScale)
    {
        const int values = 1000;
        const int steps = 50;
        const double learningRate = 1e-3;
        var random = new SeededRandom(1, "adam test");
        double Uniform() => (random.NextBits() >> 11) * (1.0 / (1UL << 53));

        var start = new float[values];
        for (var i = 0; i < values; i++)
            start[i] = (float)(Uniform() - 0.5) * 0.01f;
        using var parameter = new Parameter(tensor(start));
        using var adam = new KerasAdam([parameter]);
        var expected = Array.ConvertAll(start, x => (double)x);
        var m = new double[values];
        var v = new double[values];

        for (var t = 1; t <= steps; t++)
        {
            var gradient = new float[values];
            for (var i = 0; i < values; i++)
                gradient[i] = (float)((Uniform() - 0.3) * gradientScale);
            using var gradientTensor = tensor(gradient);
            adam.ClearGradients();
            parameter.grad = gradientTensor;
            adam.Step(learningRate);

            var alpha = learningRate * Math.Sqrt(1 - Math.Pow(Beta2, t)) / (1 - Math.Pow(Beta1, t));
            for (var i = 0; i < values; i++)
            {
                double g = gradient[i];
                m[i] += (g - m[i]) * (1 - Beta1);
                v[i] += ((g * g) - v[i]) * (1 - Beta2);
                expected[i] -= m[i] * alpha / (Math.Sqrt(v[i]) + Epsilon);
            }
        }

        var found = parameter.data<float>().ToArray();
        for (var i = 0; i < values; i++)
            Assert.Equal(expected[i], found[i], 2e-7); // 50 roundings of values near 0.05 in float32
        Assert.Equal(steps, adam.Steps);
    }

    [Fact]
    public void Steps_leave_no_tensors_behind()
    {
        using var parameter = new Parameter(rand(64, 32));
        using var adam = new KerasAdam([parameter]);
        void Step()
        {
            using var scope = NewDisposeScope();
            adam.ClearGradients();
            (parameter * parameter).sum().backward();
            adam.Step(1e-3);
        }

        Step();
        var before = DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;
        for (var i = 0; i < 20; i++)
            Step();
        Assert.Equal(before, DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount);
    }
}
