using Headstart.Images;

namespace Headstart.Tests.Demo;

/// <summary>A demo set would prove nothing if its classes could be told by colour.</summary>
public sealed class MeanColourTests
{
    [Fact]
    public void Mean_colour_does_not_tell_the_default_classes_apart()
    {
        // 200 pictures judge: chance is 0.5 with a standard deviation of 0.035.
        var means = MeansByClass(classes: 2, perClass: 200);
        Assert.InRange(Accuracy(means[0], means[1]), 0.4, 0.6);
    }

    [Fact]
    public void Mean_colour_tells_no_classes_apart()
    {
        // One pair alone varies much with so few pictures; the mean over all 120 pairs does not.
        var means = MeansByClass(classes: 16, perClass: 30);
        var pairs = from a in Enumerable.Range(0, means.Length) from b in Enumerable.Range(0, a) select Accuracy(means[a], means[b]);
        Assert.InRange(pairs.Average(), 0.44, 0.56);
    }

    [Fact]
    public void The_same_regression_does_tell_classes_apart_that_differ_in_colour()
    {
        var means = MeansByClass(classes: 1, perClass: 120)[0];
        var darker = means[..60].Select(colour => colour.Select(v => v * 0.6).ToArray()).ToArray();
        Assert.True(Accuracy(darker, means[60..]) > 0.7);
    }

    private static double[][][] MeansByClass(int classes, int perClass) =>
        [.. DemoSample.Draw(classes, perClass, seed: 5).GroupBy(p => p.Class).Select(g => g.Select(p => MeanColour(p.Image)).ToArray())];

    private static double[] MeanColour(RgbImage image)
    {
        var sums = new double[3];
        for (var i = 0; i < image.Pixels.Length; i++)
            sums[i % 3] += image.Pixels[i] / 255.0;
        return [.. sums.Select(s => s * 3 / image.Pixels.Length)];
    }

    // Every other row fits a logistic regression, the rest judges it.
    private static double Accuracy(double[][] zeros, double[][] ones)
    {
        var fit = zeros.Where((_, i) => i % 2 == 0).Select(x => (x, 0.0)).Concat(ones.Where((_, i) => i % 2 == 0).Select(x => (x, 1.0)))
            .ToArray();
        var weights = FitLogisticRegression(fit);
        var right = zeros.Where((_, i) => i % 2 == 1).Count(x => Logit(weights, x) < 0) +
            ones.Where((_, i) => i % 2 == 1).Count(x => Logit(weights, x) > 0);
        return right / (double)(zeros.Length / 2 + ones.Length / 2);
    }

    // Plain gradient descent on three weights and a bias.
    private static double[] FitLogisticRegression((double[] X, double Y)[] rows)
    {
        var weights = new double[4];
        for (var step = 0; step < 500; step++)
        {
            var gradient = new double[4];
            foreach (var (x, y) in rows)
            {
                var error = 1 / (1 + Math.Exp(-Logit(weights, x))) - y;
                for (var i = 0; i < 3; i++)
                    gradient[i] += error * (x[i] - 0.5);
                gradient[3] += error;
            }

            for (var i = 0; i < 4; i++)
                weights[i] -= 4 * gradient[i] / rows.Length;
        }

        return weights;
    }

    private static double Logit(double[] weights, double[] x) =>
        weights[0] * (x[0] - 0.5) + weights[1] * (x[1] - 0.5) + weights[2] * (x[2] - 0.5) + weights[3];
}
