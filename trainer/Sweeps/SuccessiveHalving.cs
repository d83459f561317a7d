namespace Headstart.Trainer.Sweeps;

/// <summary>A round of a sweep.</summary>
/// <param name="Trials">How many take part.</param>
/// <param name="Epochs">How many each has behind it at the end, counted from its beginning; null for all that its options say.</param>
internal sealed record Rung(int Trials, int? Epochs);

/// <summary>
/// Successive halving (Jamieson and Talwalkar 2016): many trials for a few epochs, then one in eta of them for eta times as many, and so
/// on.
/// </summary>
internal static class SuccessiveHalving
{
    /// <summary>
    /// As many rounds as both the trials and the epochs can be divided by <paramref name="eta"/>. Each round has a
    /// <paramref name="eta"/>-th of the trials before it (rounded down); the last trains to the end.
    /// </summary>
    /// <param name="trials">At least 1.</param>
    /// <param name="epochs">The most that a trial is trained, at least 1.</param>
    /// <param name="eta">At least 2.</param>
    public static IReadOnlyList<Rung> Rungs(int trials, int epochs, int eta)
    {
        var last = 0;
        long power = eta;
        while (power <= trials && power <= epochs)
        {
            last++;
            power *= eta;
        }

        var rungs = new List<Rung>();
        for (var i = 0; i <= last; i++)
            rungs.Add(new Rung((int)(trials / Power(eta, i)), (int)(epochs / Power(eta, last - i))));
        return rungs;
    }

    private static long Power(int of, int exponent) => Enumerable.Range(0, exponent).Aggregate(1L, (product, _) => product * of);
}
