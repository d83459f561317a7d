using Headstart.Trainer.Evaluation;

namespace Headstart.Trainer.Sweeps;

/// <summary>A figure over the repeats of a trial.</summary>
/// <param name="Mean">The plain mean.</param>
/// <param name="Sd">Sample standard deviation (n - 1); null for one repeat.</param>
internal readonly record struct Spread(double Mean, double? Sd)
{
    public static Spread? Of(IReadOnlyCollection<double> values)
    {
        if (values.Count == 0)
            return null;
        var mean = values.Average();
        return new Spread(mean, values.Count == 1 ? null : Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (values.Count - 1)));
    }
}

/// <summary>Where a trial stands.</summary>
/// <param name="Trial">The trial.</param>
/// <param name="Outcomes">Of its last round, one a repeat.</param>
/// <param name="Seconds">Of all its trainings in all rounds.</param>
internal sealed record Standing(Trial Trial, IReadOnlyList<TrialOutcome> Outcomes, double Seconds)
{
    /// <summary>The round that it came to, from 0.</summary>
    public int Rung => Outcomes[0].Rung;

    /// <summary>Why it has no figures; null when it has.</summary>
    public string? Error => Outcomes.FirstOrDefault(o => o.Error is not null)?.Error;

    public Spread? Loss => Of(f => f.Loss);

    public Spread? Accuracy => Of(f => f.Accuracy);

    /// <summary>Null where it isn't defined for one of the repeats.</summary>
    public Spread? Auc => Outcomes.All(o => o.Val?.Auc is not null) ? Of(f => f.Auc!.Value) : null;

    /// <summary>
    /// Best first: those that came to a later round, then by the figure, then by the loss, then by number. Trials without figures are last.
    /// </summary>
    public static IReadOnlyList<Standing> Ordered(IEnumerable<Standing> standings, RankKind rank) =>
    [
        .. standings.OrderBy(s => s.Error is not null)
            .ThenByDescending(s => s.Rung)
            .ThenByDescending(s => rank switch
            {
                RankKind.Accuracy => s.Accuracy?.Mean,
                RankKind.Auc => s.Auc?.Mean,
                _ => -s.Loss?.Mean,
            } ?? double.NegativeInfinity)
            .ThenBy(s => s.Loss?.Mean ?? double.PositiveInfinity)
            .ThenBy(s => s.Trial.Number),
    ];

    private Spread? Of(Func<Figures, double> figure) => Error is null ? Spread.Of([.. Outcomes.Select(o => figure(o.Val!))]) : null;
}
