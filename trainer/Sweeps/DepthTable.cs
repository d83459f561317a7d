using System.Globalization;
using System.Text.Json.Nodes;
using CsvHelper;

namespace Headstart.Trainer.Sweeps;

/// <summary>A line of the table: the best of the trials that tune the same part of the base at the same rates.</summary>
/// <param name="Standing">It.</param>
/// <param name="Trials">How many there were.</param>
/// <param name="Weights">How many weights of the base are tuned; 0 for the head alone.</param>
/// <param name="Repeats">What it got right.</param>
/// <param name="Gain">Over the best head alone; null for heads.</param>
internal sealed record DepthRow(Standing Standing, int Trials, long Weights, IReadOnlyList<JudgedRepeat> Repeats, PairedGain? Gain)
{
    /// <summary>What is tuned, in words.</summary>
    public string Part => Standing.Trial.Tuning switch
    {
        null => "head alone",
        { UnfreezeFrom: { } tensor } => $"after {tensor}",
        { Unfreeze: "1" } => "1 block",
        var tuning => $"{tuning.Unfreeze} blocks",
    };

    /// <summary>The base's learning rate.</summary>
    public double? Rate => Standing.Trial.Tuning?.LearningRate;

    /// <summary>The head's while the base is tuned.</summary>
    public double? HeadRate =>
        Standing.Trial.Tuning is { } tuning ? tuning.HeadLearningRate ?? tuning.LearningRate * FineTuning.TuningOptions.HeadFactor : null;
}

/// <summary>Accuracy against depth and rate: shallow first, then slow first.</summary>
internal sealed class DepthTable
{
    private static readonly string[] Columns =
        ["tuned", "weights", "finetune_lr", "head_lr", "accuracy", "accuracy_sd", "loss", "loss_sd", "gain", "gain_images_se",
            "gain_repeats_se", "n", "trial", "trials", "seconds"];

    private DepthTable(IReadOnlyList<DepthRow> rows) => Rows = rows;

    /// <summary>The first is the best head alone.</summary>
    public IReadOnlyList<DepthRow> Rows { get; }

    /// <summary>The best head alone.</summary>
    public DepthRow Head => Rows[0];

    /// <summary>How many trials tuned the base.</summary>
    public int TunedTrials => Rows.Where(r => r.Gain is not null).Sum(r => r.Trials);

    /// <param name="standings">Those of heads alone among them; trials that failed are left out.</param>
    /// <param name="weights">How many weights of the base a trial tunes.</param>
    /// <param name="images">The images that judged a training, in order.</param>
    /// <returns>Null where no head or nothing that is tuned came to an end.</returns>
    public static DepthTable? Of(IEnumerable<Standing> standings, Func<Trial, long> weights, Func<TrialOutcome, IReadOnlyList<int>> images)
    {
        // By accuracy, whatever the leaderboard is sorted by: it is what the images count.
        var judged = Standing.Ordered(standings.Where(s => s.Error is null), RankKind.Accuracy);
        if (judged.FirstOrDefault(s => s.Trial.Tuning is null) is not { } best || judged.All(s => s.Trial.Tuning is null))
            return null;
        var head = new DepthRow(best, judged.Count(s => s.Trial.Tuning is null), 0, Repeats(best), null);
        var tuned = judged.Where(s => s.Trial.Tuning is not null)
            .GroupBy(
                s => (s.Trial.Tuning!.Unfreeze, s.Trial.Tuning.UnfreezeFrom, s.Trial.Tuning.LearningRate, s.Trial.Tuning.HeadLearningRate))
            .Select(g => (First: g.First(), Count: g.Count(), Repeats: Repeats(g.First())))
            .Select(g => new DepthRow(g.First, g.Count, weights(g.First.Trial), g.Repeats, PairedGain.Of(head.Repeats, g.Repeats)));
        return new DepthTable([head, .. tuned.OrderBy(r => r.Weights).ThenBy(r => r.Rate).ThenBy(r => r.HeadRate)]);

        IReadOnlyList<JudgedRepeat> Repeats(Standing standing) => [.. standing.Outcomes.Select(Repeat)];

        JudgedRepeat Repeat(TrialOutcome outcome)
        {
            var judging = images(outcome);
            return new JudgedRepeat(judging, RightImages.Read(outcome.Right!, judging.Count));
        }
    }

    /// <summary>For programs.</summary>
    public JsonArray ToJson() => [.. Rows.Select(Json)];

    /// <summary>The same with a header: RFC 4180.</summary>
    public string ToCsv()
    {
        using var text = new StringWriter(CultureInfo.InvariantCulture);
        using (var csv = new CsvWriter(text, CultureInfo.InvariantCulture))
        {
            foreach (var name in Columns)
                csv.WriteField(name);
            csv.NextRecord();
            foreach (var row in Rows)
            {
                csv.WriteField(row.Part);
                csv.WriteField(row.Weights);
                csv.WriteField(row.Rate);
                csv.WriteField(row.HeadRate);
                foreach (var spread in (Spread[])[row.Standing.Accuracy!.Value, row.Standing.Loss!.Value])
                {
                    csv.WriteField(spread.Mean);
                    csv.WriteField(spread.Sd);
                }

                csv.WriteField(row.Gain?.Mean);
                csv.WriteField(row.Gain?.ImagesError);
                csv.WriteField(row.Gain?.RepeatsError);
                csv.WriteField(row.Repeats.Count);
                csv.WriteField(row.Standing.Trial.Number);
                csv.WriteField(row.Trials);
                csv.WriteField(row.Standing.Seconds);
                csv.NextRecord();
            }
        }

        return text.ToString();
    }

    private static JsonObject Json(DepthRow row) => new()
    {
        ["tuned"] = row.Part,
        ["weights"] = row.Weights,
        ["finetuneLr"] = row.Rate,
        ["headLr"] = row.HeadRate,
        ["accuracy"] = row.Standing.Accuracy!.Value.Mean,
        ["accuracySd"] = row.Standing.Accuracy.Value.Sd,
        ["loss"] = row.Standing.Loss!.Value.Mean,
        ["lossSd"] = row.Standing.Loss.Value.Sd,
        ["gain"] = row.Gain?.Mean,
        ["gainImagesSe"] = row.Gain?.ImagesError,
        ["gainRepeatsSe"] = row.Gain?.RepeatsError,
        ["n"] = row.Repeats.Count,
        ["trial"] = row.Standing.Trial.Number,
        ["trials"] = row.Trials,
        ["seconds"] = row.Standing.Seconds,
    };
}
