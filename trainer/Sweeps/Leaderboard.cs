using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using CsvHelper;
using Headstart.Trainer.Runs;

namespace Headstart.Trainer.Sweeps;

/// <summary>The trials of a sweep, best first, as programs read them.</summary>
internal sealed class Leaderboard(SweepSpace space, IReadOnlyList<Standing> standings)
{
    private static readonly string[] Figures =
        ["accuracy", "accuracy_sd", "loss", "loss_sd", "auc", "auc_sd", "n", "epochs", "seconds", "error"];

    public Standing Best => standings[0];

    /// <summary>What <c>--json</c> prints, and <c>sweep.json</c> holds: its names are a contract.</summary>
    /// <param name="best">The best trial's run.</param>
    /// <param name="advice">What the table of depth and rate says; null where heads alone were tried.</param>
    public JsonObject ToJson(BestRun best, DepthAdvice? advice, IEnumerable<Rung> rungs, int trainings, double loadSeconds, double seconds)
    {
        var bestTrial = Trial(1, Best);
        bestTrial["run"] = best.Folder;
        bestTrial["shipped"] = JsonSerializer.SerializeToNode(best.Result.Val, HeadstartJson.Compact);
        bestTrial["command"] = best.Commands[^1];
        if (best.Commands.Count > 1)
            bestTrial["headCommand"] = best.Commands[0];
        var result = Json(bestTrial, rungs, trainings, loadSeconds, seconds);
        if (advice is not null)
        {
            result["depths"] = advice.Table.ToJson();
            result["recommendation"] = advice.ToJson();
        }

        return result;
    }

    private JsonObject Json(JsonObject bestTrial, IEnumerable<Rung> rungs, int trainings, double loadSeconds, double seconds)
    {
        return new JsonObject
        {
            ["search"] = Word(space.Search),
            ["rank"] = Word(space.Rank),
            ["trials"] = new JsonArray([.. standings.Select((s, i) => Trial(i + 1, s))]),
            ["best"] = bestTrial,
            ["rounds"] = new JsonArray([.. rungs.Where(_ => space.Search == SearchKind.Halving).Select(
                r => new JsonObject { ["trials"] = r.Trials, ["epochs"] = r.Epochs })]),
            ["trainings"] = trainings,
            ["loadSeconds"] = loadSeconds,
            ["seconds"] = seconds,
            ["peakMemoryBytes"] = PeakMemory.Bytes(),
            ["space"] = JsonNode.Parse(space.Source.GetRawText()),
        };
    }

    /// <summary>One line a trial, with a header: RFC 4180.</summary>
    public string ToCsv()
    {
        using var text = new StringWriter(CultureInfo.InvariantCulture);
        using (var csv = new CsvWriter(text, CultureInfo.InvariantCulture))
        {
            foreach (var name in (string[])["rank", "trial", .. Options(Best).Select(o => o.Name), .. Figures])
                csv.WriteField(name);
            csv.NextRecord();
            foreach (var (standing, i) in standings.Select((s, i) => (s, i)))
            {
                csv.WriteField(i + 1);
                csv.WriteField(standing.Trial.Number);
                foreach (var (_, value) in Options(standing))
                    csv.WriteField(value is null ? "" : CommandText.Value(value));
                foreach (var spread in (Spread?[])[standing.Accuracy, standing.Loss, standing.Auc])
                {
                    csv.WriteField(spread?.Mean);
                    csv.WriteField(spread?.Sd);
                }

                csv.WriteField(standing.Outcomes.Count);
                csv.WriteField(standing.Outcomes.Max(o => o.Epochs));
                csv.WriteField(standing.Seconds);
                csv.WriteField(standing.Error);
                csv.NextRecord();
            }
        }

        return text.ToString();
    }

    // The head is always told, and every other option that the space names.
    private static IEnumerable<(string Name, object? Value)> Options(Standing standing) =>
        standing.Trial.Chosen.Any(c => c.Option.Name == "head")
            ? standing.Trial.Chosen.Select(c => (c.Option.Name, c.Value))
            : [("head", standing.Trial.Arguments.Head), .. standing.Trial.Chosen.Select(c => (c.Option.Name, c.Value))];

    private static JsonObject Trial(int rank, Standing standing)
    {
        var trial = new JsonObject { ["rank"] = rank, ["trial"] = standing.Trial.Number };
        foreach (var (name, value) in Options(standing))
            trial[name] = JsonSerializer.SerializeToNode(value, HeadstartJson.Compact);
        trial["val"] = standing.Error is not null ? null : Values(s => s.Mean, standing);
        trial["sd"] = standing.Error is not null || standing.Outcomes.Count == 1 ? null : Values(s => s.Sd, standing);
        trial["n"] = standing.Outcomes.Count;
        trial["epochs"] = standing.Outcomes.Max(o => o.Epochs);
        trial["seconds"] = standing.Seconds;
        if (standing.Error is { } error)
            trial["error"] = error;
        trial["repeats"] = new JsonArray([.. standing.Outcomes.Select(o => JsonSerializer.SerializeToNode(
            new { o.Seed, o.Fold, o.Epochs, o.SavedEpoch, o.Together, o.Train, o.Val, o.Error }, HeadstartJson.Compact))]);
        return trial;
    }

    private static JsonObject Values(Func<Spread, double?> value, Standing standing) => new()
    {
        ["loss"] = value(standing.Loss!.Value),
        ["accuracy"] = value(standing.Accuracy!.Value),
        ["auc"] = standing.Auc is { } auc ? value(auc) : null,
    };

    private static string Word<T>(T value)
        where T : struct, Enum => value.ToString().ToLowerInvariant();
}
