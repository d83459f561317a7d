using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Headstart.Tests.MainPath;
using Headstart.Tests.Programs;

namespace Headstart.Tests.Shipping;

/// <summary>A run's figures are those of the file that is shipped: asked about the same pictures, it makes the mistakes that the run, its
/// page and <c>evaluate</c> count.</summary>
public sealed class OneDefinitionTests : IDisposable
{
    private const int Bins = 15;
    private static readonly string[] Classes = ["disc", "spiral"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Train_run_page_evaluate_and_predict_agree_on_what_is_decided_at_a_threshold_that_costs_chose()
    {
        var (pictures, cache, run, model) =
            (_folder.File("pictures"), _folder.File("cache"), _folder.File("run"), _folder.File("model.onnx"));
        (await ProgramRun.Extractor("demo-data", pictures, "--per-class", "60", "--seed", "4")).EndedWith(0);
        (await ProgramRun.Extractor("extract", pictures, "--model", DemoCache.Model, "--out", cache, "--layer", "block2_pool"))
            .EndedWith(0);
        var trained = (await ProgramRun.Trainer("train", cache, "--out", run, "--head", "gap", "--lr", "1e-2", "--epochs", "30",
            "--threshold", "cost=1:5", "--json")).EndedWith(0);
        var evaluated = (await ProgramRun.Trainer("evaluate", run, cache, "--split", "val", "--json")).EndedWith(0);
        (await ProgramRun.Trainer("export", run, "--model", DemoCache.Model, "--out", model)).EndedWith(0);
        var predicted = (await ProgramRun.Extractor("predict", model, Path.Combine(pictures, "val"), "--format", "jsonl")).EndedWith(0);

        var (accuracy, loss, ece, confusion) = Judge(predicted.Output);
        var printed = JsonDocument.Parse(trained.Output).RootElement;
        var stored = JsonDocument.Parse(await File.ReadAllTextAsync(
            Path.Combine(run, "run.json"), TestContext.Current.CancellationToken)).RootElement.GetProperty("result");
        var judged = JsonDocument.Parse(evaluated.Output).RootElement;
        foreach (var report in new[] { judged, printed.GetProperty("validation"), stored.GetProperty("validation") })
        {
            Assert.Equal(accuracy, report.GetProperty("accuracy").GetDouble(), 1e-9);
            Assert.Equal(loss, report.GetProperty("loss").GetDouble(), 1e-4);
            Assert.Equal(ece, report.GetProperty("ece").GetDouble(), 1e-4);
            Assert.Equal(confusion, JsonSerializer.Serialize(report.GetProperty("confusion")));
        }

        foreach (var result in new[] { printed, stored })
        {
            Assert.Equal(accuracy, result.GetProperty("val").GetProperty("accuracy").GetDouble(), 1e-9);
            Assert.Equal(loss, result.GetProperty("val").GetProperty("loss").GetDouble(), 1e-4);
        }

        // The test says something only where even odds would decide otherwise.
        var plain = printed.GetProperty("validation").GetProperty("plain");
        Assert.NotEqual(confusion, JsonSerializer.Serialize(plain.GetProperty("confusion")));

        var page = await File.ReadAllTextAsync(Path.Combine(run, "report.html"), TestContext.Current.CancellationToken);
        Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"<h1>{accuracy:0.0%} right on "), page, StringComparison.Ordinal);
        Assert.Equal(accuracy, Card(page, "accuracy"), 1e-4);
        Assert.Equal(loss, Card(page, "loss"), 2e-4);
        Assert.Equal(ece, Card(page, "expected calibration error"), 2e-4);
        var counts = Regex.Match(page, "<figure id=\"confusion\">.*?</figure>", RegexOptions.Singleline).Value;
        Assert.Equal(Regex.Matches(confusion, "[0-9]+").Select(m => m.Value),
            Regex.Matches(counts, ">([0-9]+)</text>").Select(m => m.Groups[1].Value));
    }

    private static double Card(string page, string name) =>
        double.Parse(
            Regex.Match(page, $"<b>([0-9.]+)[^/]*(?:</small>)?</b><span>{name}</span>").Groups[1].Value, CultureInfo.InvariantCulture);

    // From nothing but what predict says: its label, its probabilities, and the folder that the picture lies in.
    private static (double Accuracy, double Loss, double Ece, string Confusion) Judge(string output)
    {
        var rows =
            output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement).Select(line => (
                True: Array.IndexOf(Classes, line.GetProperty("path").GetString()!.Split('/')[^2]),
                Decided: Array.IndexOf(Classes, line.GetProperty("label").GetString()),
                P: Classes.Select(c => line.GetProperty("probabilities").GetProperty(c).GetDouble()).ToArray())).ToList();
        var confusion = Classes.Select((_, t) => Classes.Select((_, d) => rows.Count(r => r.True == t && r.Decided == d)));
        var bins = rows.GroupBy(r => (int)Math.Ceiling(r.P.Max() * Bins));
        return (
            rows.Average(r => r.True == r.Decided ? 1.0 : 0),
            rows.Average(r => -Math.Log(r.P[r.True])),
            bins.Sum(b => Math.Abs(b.Sum(r => (r.P[r.True] == r.P.Max() ? 1 : 0) - r.P.Max()))) / rows.Count,
            JsonSerializer.Serialize(confusion));
    }
}
