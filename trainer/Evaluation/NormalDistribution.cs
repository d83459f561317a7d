namespace Headstart.Trainer.Evaluation;

/// <summary>The standard normal distribution, which .NET doesn't have.</summary>
internal static class NormalDistribution
{
    // Beyond it a double of the distribution function is 0 or 1 to within 1e-15.
    private const double Far = 8;

    /// <summary>The probability of a value below <paramref name="x"/>.</summary>
    /// <remarks>
    /// By the series 1/2 + density · (x + x³/3 + x⁵/(3·5) + ...), see Marsaglia, Evaluating the Normal Distribution (2004).
    /// </remarks>
    public static double Cdf(double x)
    {
        if (Math.Abs(x) >= Far)
            return x < 0 ? 0 : 1;
        var (sum, term) = (x, x);
        for (var i = 3; Math.Abs(term) > Math.Abs(sum) * 1e-17; i += 2)
        {
            term *= x * x / i;
            sum += term;
        }

        return 0.5 + (sum * Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI));
    }

    /// <summary>The value below which lies the probability <paramref name="p"/>; at most 8 standard deviations away.</summary>
    public static double Quantile(double p)
    {
        var (low, high) = (-Far, Far);
        while (true)
        {
            var middle = (low + high) / 2;
            if (middle <= low || middle >= high)
                return middle;
            if (Cdf(middle) < p)
                low = middle;
            else
                high = middle;
        }
    }
}
