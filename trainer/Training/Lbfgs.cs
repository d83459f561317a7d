
namespace Headstart.Trainer.Training;

/// <summary>How a minimisation ended.</summary>
/// <param name="Iterations">Steps taken.</param>
/// <param name="Gradient">The largest slope that is left, as a part of the largest one at the start.</param>
/// <param name="Converged">Whether that is as small as was asked for.</param>
internal sealed record Convergence(int Iterations, double Gradient, bool Converged);

/// <summary>Finds the minimum of a smooth function of many variables from its values and gradients, in double precision.</summary>
/// <remarks>
/// Limited-memory BFGS (Nocedal 1980; Nocedal and Wright, algorithm 7.4) with the bisection of Lewis and Overton (2013) for steps that meet
/// the weak Wolfe conditions, or near the minimum, where rounding hides a decrease, those on the slope of Hager and Zhang (2005).
/// Deterministic.
/// </remarks>
internal static class Lbfgs
{
    private const int Memory = 20;
    private const int LineTrials = 50;
    private const double Decrease = 1e-4;
    private const double Curvature = 0.9;
    private const double Rounding = 1e-13;

    /// <summary>Computes the function.</summary>
    /// <param name="x">Where.</param>
    /// <param name="gradient">To be filled.</param>
    /// <returns>The value.</returns>
    public delegate double Function(ReadOnlySpan<double> x, Span<double> gradient);

    /// <param name="function">What to make small.</param>
    /// <param name="x">Where to begin; holds the minimum afterwards.</param>
    /// <param name="tolerance">Ends when no slope is larger than this part of the largest one at the start.</param>
    /// <param name="maxIterations">Ends then in any case.</param>
    /// <param name="cancellationToken">Looked at before each evaluation.</param>
    public static Convergence Minimize(
        Function function, double[] x, double tolerance, int maxIterations, CancellationToken cancellationToken)
    {
        var gradient = new double[x.Length];
        var value = Evaluate(x, gradient);
        var steepest = Largest(gradient);
        var pairs = new LinkedList<(double[] Step, double[] Change, double Inverse)>();
        for (var iteration = 0; ; iteration++)
        {
            var left = steepest == 0 ? 0 : Largest(gradient) / steepest;
            if (left <= tolerance || iteration == maxIterations)
                return new Convergence(iteration, left, left <= tolerance);

            var direction = Direction(gradient, pairs);
            var slope = Dot(direction, gradient);
            var length = pairs.Count == 0 ? Math.Min(1, 1 / Math.Sqrt(Dot(gradient, gradient))) : 1.0;
            var (low, high) = (0.0, double.PositiveInfinity);
            var next = new double[x.Length];
            var nextGradient = new double[x.Length];
            var found = false;
            for (var trial = 0; trial < LineTrials && !found; trial++)
            {
                for (var i = 0; i < x.Length; i++)
                    next[i] = x[i] + (length * direction[i]);
                var nextValue = Evaluate(next, nextGradient);
                var nextSlope = Dot(direction, nextGradient);
                var isLower = nextValue <= value + (Decrease * length * slope)
                    || (nextValue <= value + (Rounding * Math.Abs(value)) && nextSlope <= ((2 * Decrease) - 1) * slope);
                if (!isLower)
                    high = length;
                else if (nextSlope < Curvature * slope)
                    low = length;
                else
                    (found, value) = (true, nextValue);
                if (!found)
                    length = double.IsPositiveInfinity(high) ? 2 * low : (low + high) / 2;
            }

            if (!found)
                return new Convergence(iteration, left, false);

            var step = new double[x.Length];
            var change = new double[x.Length];
            for (var i = 0; i < x.Length; i++)
                (step[i], change[i]) = (next[i] - x[i], nextGradient[i] - gradient[i]);
            if (Dot(step, change) is > 0 and var curvature)
                pairs.AddLast((step, change, 1 / curvature));
            if (pairs.Count > Memory)
                pairs.RemoveFirst();
            next.CopyTo(x, 0);
            gradient = nextGradient;
        }

        double Evaluate(double[] at, double[] slopes)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return function(at, slopes);
        }
    }

    // The two loops of algorithm 7.4: minus the inverse Hessian, as the last steps show it, times the gradient.
    private static double[] Direction(double[] gradient, LinkedList<(double[] Step, double[] Change, double Inverse)> pairs)
    {
        var direction = Array.ConvertAll(gradient, g => -g);
        var alphas = new Stack<double>();
        for (var node = pairs.Last; node is not null; node = node.Previous)
        {
            var alpha = node.Value.Inverse * Dot(node.Value.Step, direction);
            alphas.Push(alpha);
            Add(direction, -alpha, node.Value.Change);
        }

        if (pairs.Last is { Value: var last })
        {
            var scale = 1 / (last.Inverse * Dot(last.Change, last.Change));
            for (var i = 0; i < direction.Length; i++)
                direction[i] *= scale;
        }

        for (var node = pairs.First; node is not null; node = node.Next)
            Add(direction, alphas.Pop() - (node.Value.Inverse * Dot(node.Value.Change, direction)), node.Value.Step);
        return direction;
    }

    private static void Add(double[] target, double factor, double[] what)
    {
        for (var i = 0; i < target.Length; i++)
            target[i] += factor * what[i];
    }

    private static double Dot(double[] a, double[] b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++)
            sum += a[i] * b[i];
        return sum;
    }

    private static double Largest(double[] values) => values.Max(Math.Abs);
}
