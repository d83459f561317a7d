using Headstart.Trainer.Training;

namespace Headstart.Tests.Training;

public sealed class LbfgsTests
{
    /// <summary>Rosenbrock's valley (1960): its minimum is 0, at (1, 1), from the customary start.</summary>
    [Fact]
    public void Minimum_of_Rosenbrocks_valley_is_found()
    {
        double[] x = [-1.2, 1];

        var end = Minimize((at, slope) =>
        {
            var (a, b) = (1 - at[0], at[1] - (at[0] * at[0]));
            slope[0] = (-2 * a) - (400 * at[0] * b);
            slope[1] = 200 * b;
            return (a * a) + (100 * b * b);
        }, x);

        Assert.True(end.Converged);
        Assert.Equal(1, x[0], 1e-8);
        Assert.Equal(1, x[1], 1e-8);
    }

    [Fact]
    public void Minimum_of_a_narrow_valley_in_many_dimensions_is_found()
    {
        var x = new double[200];

        var end = Minimize((at, slope) =>
        {
            var sum = 0.0;
            for (var i = 0; i < at.Length; i++)
            {
                var steepness = Math.Pow(10, 3.0 * i / at.Length); // 1 to 1000
                slope[i] = steepness * (at[i] - i);
                sum += steepness / 2 * (at[i] - i) * (at[i] - i);
            }

            return sum;
        }, x);

        Assert.True(end.Converged);
        for (var i = 0; i < x.Length; i++)
            Assert.Equal(i, x[i], 1e-3);
    }

    [Fact]
    public void Function_without_a_minimum_is_not_said_to_have_one()
    {
        var end = Minimize((at, slope) =>
        {
            slope[0] = -Math.Exp(-at[0] / 100) / 100;
            return Math.Exp(-at[0] / 100);
        }, [0], maxIterations: 3);

        Assert.False(end.Converged);
        Assert.Equal(3, end.Iterations);
    }

    [Fact]
    public void Start_at_the_minimum_is_the_end()
    {
        var end = Minimize((at, slope) =>
        {
            slope[0] = 2 * at[0];
            return at[0] * at[0];
        }, [0]);

        Assert.Equal(new Convergence(0, 0, true), end);
    }

    private static Convergence Minimize(Lbfgs.Function function, double[] x, int maxIterations = 1000) =>
        Lbfgs.Minimize(function, x, 1e-9, maxIterations, TestContext.Current.CancellationToken);
}
