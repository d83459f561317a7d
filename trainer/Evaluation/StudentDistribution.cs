namespace Headstart.Trainer.Evaluation;

/// <summary>Student's t distribution, which .NET doesn't have: the normal one where the standard error itself comes from few
/// rows.</summary>
internal static class StudentDistribution
{
    // From here on the expansion around the normal one is good to 1e-8.
    private const double ManyDegrees = 200;

    private const int Parts = 512;
    private const int Refinements = 3;

    /// <summary>How many standard errors reach to either side of a figure for <see cref="Interval.Confidence"/>.</summary>
    /// <param name="degrees">Of freedom, at least 1; infinite for the normal distribution.</param>
    /// <remarks>
    /// With t = sqrt(degrees) · tan(angle) the density is cos(angle)^(degrees - 1), up to a factor, between the two right angles: an
    /// integral that Simpson's rule
    /// finds to 1e-6. Below 2 degrees it has a corner at the right angle, so the angle is pi/2 · u (15 - 10 u² + 3 u⁴) / 8, which arrives
    /// there without speed.
    /// </remarks>
    public static double Reach(double degrees)
    {
        if (degrees >= ManyDegrees)
            return Expansion(NormalDistribution.Quantile((1 + Interval.Confidence) / 2), degrees);
        const double Step = 1.0 / Parts;
        var target = Interval.Confidence * Enumerable.Range(0, Parts).Sum(i => Simpson(i * Step, (i + 1) * Step));
        var (start, sum) = (0.0, 0.0);
        for (; Simpson(start, start + Step) is var part && sum + part < target; start += Step)
            sum += part;
        var end = start;
        for (var i = 0; i < Refinements; i++)
            end += (target - sum - Simpson(start, end)) / Density(end);
        return Math.Sqrt(degrees) * Math.Tan(Angle(end));

        double Angle(double u) => Math.PI / 2 * u * (15 - (10 * u * u) + (3 * u * u * u * u)) / 8;

        double Density(double u) => Math.Pow(Math.Max(0, Math.Cos(Angle(u))), degrees - 1) * (1 - (u * u)) * (1 - (u * u));

        double Simpson(double from, double to) => (to - from) / 6 * (Density(from) + (4 * Density((from + to) / 2)) + Density(to));
    }

    // Cornish and Fisher's, to the third order: Abramowitz and Stegun 26.7.5.
    private static double Expansion(double z, double degrees)
    {
        var square = z * z;
        return z
            + (z * (square + 1) / (4 * degrees))
            + (z * ((((5 * square) + 16) * square) + 3) / (96 * degrees * degrees))
            + (z * ((((((3 * square) + 19) * square) + 17) * square) - 15) / (384 * degrees * degrees * degrees));
    }
}
