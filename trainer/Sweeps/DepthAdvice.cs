using System.Globalization;
using System.Text.Json.Nodes;
using Headstart.Trainer.Evaluation;

namespace Headstart.Trainer.Sweeps;

/// <summary>What a sweep over depth and rate says: how much of the base to unfreeze, if any of it.</summary>
/// <remarks>
/// The simpler one, unless more is gained than chance explains. From the head alone on, depth by depth: the best trial of the depth takes
/// the place of what was advised so far only where it is more accurate by more than <see cref="Widths"/> standard errors of the difference.
/// That is the 95 % interval, widened by Bonferroni's rule for as many trials as were tuned, because the best of many looks better than it
/// is.
/// </remarks>
internal sealed class DepthAdvice
{
    private const double Confidence = 0.95;

    private readonly DepthRow _mostAccurate;

    private DepthAdvice(DepthTable table, DepthRow chosen, double widths)
    {
        (Table, Chosen, Widths) = (table, chosen, widths);
        _mostAccurate = Best(table.Rows.Where(r => r.Gain is not null));
    }

    /// <summary>What it follows from.</summary>
    public DepthTable Table { get; }

    /// <summary>The row that is advised.</summary>
    public DepthRow Chosen { get; }

    /// <summary>How many standard errors a gain must have.</summary>
    public double Widths { get; }

    public static DepthAdvice Of(DepthTable table)
    {
        var widths = NormalDistribution.Quantile(1 - ((1 - Confidence) / 2 / table.TunedTrials));
        var chosen = table.Head;
        foreach (var depth in table.Rows.Where(r => r.Gain is not null).GroupBy(r => r.Part).OrderBy(g => g.First().Weights))
        {
            var best = Best(depth);
            var gain = PairedGain.Of(chosen.Repeats, best.Repeats);
            if (gain.Mean > widths * gain.StandardError)
                chosen = best;
        }

        return new DepthAdvice(table, chosen, widths);
    }

    /// <summary>For programs.</summary>
    public JsonObject ToJson() => new()
    {
        ["text"] = Text,
        ["notes"] = new JsonArray([.. Notes.Select(n => (JsonNode)n)]),
        ["trial"] = Chosen.Standing.Trial.Number,
        ["tuned"] = Chosen.Part,
        ["standardErrors"] = Widths,
    };

    /// <summary>A sentence or two.</summary>
    public string Text
    {
        get
        {
            var shown = Chosen.Gain is null ? _mostAccurate : Chosen;
            var compared = Invariant($"{Capital(Action(shown))}: {shown.Standing.Accuracy!.Value.Mean:0.0000} beside ") +
                Invariant($"{Table.Head.Standing.Accuracy!.Value.Mean:0.0000} for the head alone, ") +
                Invariant($"{shown.Gain!.Value.Mean:+0.0000;-0.0000} ± {Widths * shown.Gain.Value.StandardError:0.0000}");
            return Chosen.Gain is null
                ? $"{compared}: {(shown.Gain.Value.Mean > 0 ? "within the noise" : "no gain")}. The head alone is enough."
                : $"{compared}: more than noise. {Deeper()}";
        }
    }

    /// <summary>What to know about it, one line each.</summary>
    public IEnumerable<string> Notes
    {
        get
        {
            if (Table.Head.Repeats.Count == 1)
                yield return "Each was trained once: what another seed would change is not in the ±. Add \"seeds\": 3 to the space.";
            var rates = Table.Rows.Where(r => r.Rate is not null).Select(r => r.Rate!.Value).Distinct().ToList();
            var best = Chosen.Gain is null ? _mostAccurate : Chosen;
            if (rates.Count > 1 && best.Gain!.Value.Mean > 0 && (best.Rate == rates.Max() || best.Rate == rates.Min()))
                yield return $"{Rate(best.Rate!.Value)} is the {(best.Rate == rates.Max() ? "highest" : "lowest")} finetune-lr that was " +
                    $"tried: {(best.Rate == rates.Max() ? "higher" : "lower")} ones may do better.";
        }
    }

    private string Deeper()
    {
        var deeper = Table.Rows.Where(r => r.Weights > Chosen.Weights).ToList();
        if (deeper.Count == 0)
            return "Nothing deeper was tried.";
        var best = Best(deeper);
        var gain = PairedGain.Of(Chosen.Repeats, best.Repeats);
        return Invariant($"Deeper ({best.Part} at {Rate(best.Rate!.Value)}: {best.Standing.Accuracy!.Value.Mean:0.0000}) ") +
            "brings no more beyond the noise: " +
            Invariant($"{gain.Mean:+0.0000;-0.0000} ± {Widths * gain.StandardError:0.0000}.");
    }

    private static string Action(DepthRow row) => row.Standing.Trial.Tuning!.UnfreezeFrom is { } tensor
        ? $"unfreeze from {tensor} at {Rate(row.Rate!.Value)}"
        : $"unfreeze {row.Part} at {Rate(row.Rate!.Value)}";

    private static DepthRow Best(IEnumerable<DepthRow> rows) =>
        rows.OrderByDescending(r => r.Standing.Accuracy!.Value.Mean).ThenBy(r => r.Standing.Loss!.Value.Mean).ThenBy(r => r.Weights)
            .First();

    private static string Capital(string text) => char.ToUpperInvariant(text[0]) + text[1..];

    private static string Rate(double rate) => rate.ToString("0.###e-0", CultureInfo.InvariantCulture);

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
