using Headstart.Images;

namespace Headstart.Tests.Demo;

/// <summary>A demo set would prove nothing if its classes could be told by colour.</summary>
public sealed class MeanColourTests
{
    private const int Classes = 16;
    private const int PerClass = 120;

    [Fact]
    public void Mean_colour_tells_no_two_classes_apart()
    {
        // Half of each class fits a logistic regression, the other half judges it. Among 120 pairs of equal classes the best would by chance reach
        // about 0.5 + 2.7 standard deviations of 0.046 = 0.62, so the mean over all pairs is the sharper question.
        var features = DemoSample.Draw(Classes, PerClass, seed: 5).Select(p => (p.Class, Mean: MeanColour(p.Image))).ToArray();
        var accuracies = new List<double>();
        for (var a = 0; a < Classes; a++)
        {
            for (var b = 0; b < a; b++)
                accuracies.Add(Accuracy(features.Where(f => f.Class == a).Select(f => f.Mean).ToArray(), features.Where(f => f.Class == b).Select(f => f.Mean).ToArray()));
        }

        Assert.InRange(accuracies.Average(), 0.45, 0.53);
        Assert.True(accuracies[0] < 0.6, $"the two classes of the default set are told apart by colour: {accuracies[0]:F3}");
        Assert.True(accuracies.Max() < 0.68, $"a pair of classes is told apart by colour: {accuracies.Max():F3}");
    }

    [Fact]
    public void The_same_regression_does_tell_classes_apart_that_differ_in_colour()
    {
        var pictures = DemoSample.Draw(classes: 1, PerClass * 2, seed: 5).Select(p => MeanColour(p.Image)).ToArray();
        var dark = pictures[..PerClass].Select(c => c.Select(v => v * 0.6).ToArray()).ToArray();
        Assert.True(Accuracy(dark, pictures[PerClass..]) > 0.75);
    }

    private static double[] MeanColour(RgbImage image)
    {
        var sums = new double[3];
        for (var i = 0; i < image.Pixels.Length; i++)
            sums[i % 3] += image.Pixels[i] / 255.0;
        return [.. sums.Select(s => s * 3 / image.Pixels.Length)];
    }

    private static double Accuracy(double[][] zeros, double[][] ones)
    {
        var fit = zeros.Where((_, i) => i % 2 == 0).Select(x => (x, 0.0)).Concat(ones.Where((_, i) => i % 2 == 0).Select(x => (x, 1.0))).ToArray();
        var weights = FitLogisticRegression(fit);
        var right = zeros.Where((_, i) => i % 2 == 1).Count(x => Logit(weights, x) < 0) + ones.Where((_, i) => i % 2 == 1).Count(x => Logit(weights, x) > 0);
        return right / (double)(zeros.Length / 2 + ones.Length / 2);
    }

    // Plain gradient descent; three weights and a bias are near their optimum long before the last step.
    private static double[] FitLogisticRegression((double[] X, double Y)[] rows)
    {
        var weights = new double[4];
        for (var step = 0; step < 2000; step++)
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
