using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Headstart.Models;
using Headstart.Trainer.Runs;

namespace Headstart.Tests.Commands;

/// <summary>One definition of a run's figures, in everything that shows them: after the temperature, at the threshold; the plain ones
/// beside them, by name.</summary>
public sealed class ShippedFiguresTests : IAsyncLifetime
{
    private static readonly string[] Classes = ["cats", "dogs"];
    private static readonly ModelLayer Layer = new("block5_pool", new LayerShape(8, 3, 3));

    private readonly TemporaryFolder _folder = new();
    private readonly TrainerProgram _program;

    public ShippedFiguresTests() => _program = new TrainerProgram(_folder.Path);

    public async ValueTask InitializeAsync() => await SyntheticCache.WriteAsync(
        At("cache"), SyntheticCache.Contract(Layer), SyntheticCache.Rows(150, Classes),
        (r, l) => SyntheticCache.Features(r, l.Shape.Length, 0.4), partRows: 64);

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Train_run_page_and_evaluate_agree_at_a_threshold_that_costs_chose()
    {
        var (words, printed) = await TrainAsync("cost=1:5");
        var run = RunFolder.Read(At("run"));
        var (code, output, evaluated) = await _program.RunAsync("evaluate", "run", "cache", "--json");
        Assert.Equal(ExitCode.Done, code);
        var judged = JsonNode.Parse(output)!;
        var validation = printed["validation"]!;

        // The test says something only where the definitions differ.
        var plain = validation["plain"]!;
        Assert.NotEqual(plain["confusion"]!.ToJsonString(), judged["confusion"]!.ToJsonString());
        Assert.True((double)plain["accuracy"]! > (double)judged["accuracy"]! + 0.01, words);
        Assert.True((double)plain["loss"]! > (double)judged["loss"]! + 0.001, words);

        Assert.True(JsonNode.DeepEquals(printed, JsonNode.Parse(File.ReadAllText(At("run/run.json")))!["result"]));
        foreach (var figure in (string[])["loss", "accuracy", "auc", "ece", "averagePrecision"])
            Assert.Equal((double)judged[figure]!, (double)validation[figure]!, 1e-6); // the features are read in another order
        foreach (var figure in (string[])["loss", "accuracy", "auc"])
            Assert.Equal((double)validation[figure]!, (double)printed["val"]![figure]!, 1e-12);
        foreach (var same in (string[])["confusion", "temperature", "threshold", "thresholdRule"])
            Assert.Equal(judged[same]!.ToJsonString(), validation[same]!.ToJsonString());
        foreach (var figure in (string[])["loss", "accuracy", "auc", "ece"])
            Assert.Equal((double)judged["plain"]![figure]!, (double)plain[figure]!, 1e-6);

        // Plain is what the epochs' lines have, and what metrics.jsonl has of the saved one.
        var saved = JsonNode.Parse(File.ReadLines(At("run/metrics.jsonl")).Last())!["val"]!;
        Assert.Equal((double)saved["loss"]!, (double)plain["loss"]!, 1e-12);
        Assert.Equal((double)saved["accuracy"]!, (double)plain["accuracy"]!);
        Assert.Equal(run.Result.PlainVal.Loss, (double)plain["loss"]!);

        Assert.Contains($"validation accuracy {Show(judged["accuracy"])} (", words, StringComparison.Ordinal);
        Assert.Contains($"plain: accuracy {Show(plain["accuracy"])}, loss {Show(plain["loss"])}", words, StringComparison.Ordinal);
        Assert.Contains($"plain: accuracy {Show(plain["accuracy"])}, loss {Show(plain["loss"])}", evaluated, StringComparison.Ordinal);
        Assert.All(words.Split('\n').Concat(evaluated.Split('\n')), line => Assert.InRange(line.Length, 0, 80));
    }

    [Fact]
    public async Task The_page_shows_the_model_that_ships_and_marks_where_it_decides()
    {
        var (_, printed) = await TrainAsync("cost=1:5");
        var validation = printed["validation"]!;
        var page = File.ReadAllText(At("run/report.html"));

        Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"<h1>{(double)validation["accuracy"]!:0.0%} right on "), page,
            StringComparison.Ordinal);
        foreach (var (name, figure) in new[] { ("accuracy", "accuracy"), ("loss", "loss"), ("expected calibration error", "ece") })
            Assert.Equal(Show(validation[figure]),
                Regex.Match(page, $"<b>([0-9.]+)[^/]*(?:</small>)?</b><span>{name}</span>").Groups[1].Value.Trim());
        Assert.Equal(
            validation["confusion"]!.AsArray().SelectMany(r => r!.AsArray()).Select(c => c!.ToJsonString()), Numbers(page, "confusion"));
        var plain = Regex.Match(page, "<p id=\"plain\">(.*?)</p>").Groups[1].Value;
        Assert.Contains($"accuracy {Show(validation["plain"]!["accuracy"])}, loss {Show(validation["plain"]!["loss"])}", plain,
            StringComparison.Ordinal);

        var threshold = string.Create(CultureInfo.InvariantCulture, $"threshold {(double)validation["threshold"]!:0.####}");
        foreach (var figure in (string[])["roc", "precision-recall", "reliability"])
            Assert.Contains($">{threshold}</text>", Figure(page, figure), StringComparison.Ordinal);
        Assert.Contains(">threshold 0.5</text>", Figure(page, "roc"), StringComparison.Ordinal);

        // A mark for each threshold, and one for each in the legend; ROC and precision-recall have the same decisions in them.
        Assert.Equal(4, Regex.Count(Figure(page, "roc"), "<ellipse"));
        Assert.Equal(4, Regex.Count(Figure(page, "precision-recall"), "<ellipse"));

        // The pictures aren't there, so the mistakes are a table: those at the threshold, as many as the confusion has, up to 24.
        var mistakes =
            page[page.IndexOf("<h2>Worst mistakes", StringComparison.Ordinal)..page.IndexOf("<h2>Options", StringComparison.Ordinal)];
        var wrong = (int)validation["confusion"]![0]![1]! + (int)validation["confusion"]![1]![0]!;
        Assert.Contains($"Wrong at the {threshold}", mistakes, StringComparison.Ordinal);
        Assert.Equal(Math.Min(wrong, 24), Regex.Count(mistakes, "<td[^>]*>(?:cats|dogs)/"));
        Assert.Contains("at temperature 1", Figure(page, "curve-loss"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Plain_figures_that_are_the_same_to_every_shown_digit_are_not_told_twice()
    {
        // Every validation row is right, so that the temperature stays 1.
        await SyntheticCache.WriteAsync(At("easy"), SyntheticCache.Contract(Layer), SyntheticCache.Rows(20, Classes),
            (r, l) => SyntheticCache.Features(r, l.Shape.Length, 3));
        var (code, words, error) =
            await _program.TrainAsync("easy", "--out", "easy-run", "--head", "gap", "--epochs", "20", "--lr", "0.05");

        Assert.True(code == ExitCode.Done, error);
        Assert.DoesNotContain("plain", words, StringComparison.Ordinal);
        Assert.DoesNotContain("id=\"plain\"", File.ReadAllText(At("easy-run/report.html")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_of_an_earlier_version_is_read_its_figures_being_plain()
    {
        await TrainAsync("cost=1:5");
        var now = RunFolder.Read(At("run"));
        var file = JsonNode.Parse(File.ReadAllText(At("run/run.json")))!;
        var result = file["result"]!;
        var plain = result["validation"]!["plain"]!;
        foreach (var figure in (string[])["loss", "accuracy", "auc"])
            (result["val"]![figure], result["validation"]![figure]) = (plain[figure]!.DeepClone(), plain[figure]!.DeepClone());
        foreach (var added in (string[])["plain", "temperature", "threshold", "thresholdRule"])
            result["validation"]!.AsObject().Remove(added);
        File.WriteAllText(At("run/run.json"), file.ToJsonString());

        var then = RunFolder.Read(At("run"));
        var (code, output, _) = await _program.RunAsync("evaluate", "run", "cache", "--json");
        var (resumed, words, _) = await _program.TrainAsync("cache", "--out", "run", "--resume");

        Assert.Equal(now.Result.PlainVal, then.Result.PlainVal);
        Assert.Equal((ExitCode.Done, ExitCode.Done), (code, resumed));
        Assert.Equal(now.Result.Val.Loss, (double)JsonNode.Parse(output)!["loss"]!, 1e-6);
        Assert.Contains("is finished: plain validation accuracy", words, StringComparison.Ordinal);
    }

    private async Task<(string Words, JsonNode Printed)> TrainAsync(string threshold)
    {
        var (code, output, error) = await _program.TrainAsync(
            "cache", "--out", "run", "--head", "gap, dense(32, relu)", "--epochs", "40", "--lr", "0.01", "--val-split", "0.4",
            "--threshold", threshold, "--json");
        Assert.True(code == ExitCode.Done, error);
        return (error, JsonNode.Parse(output)!);
    }

    private static string Show(JsonNode? figure) => ((double)figure!).ToString("0.0000", CultureInfo.InvariantCulture);

    private static string Figure(string page, string name) =>
        Regex.Match(page, $"<figure id=\"{name}\">.*?</figure>", RegexOptions.Singleline).Value;

    private static IEnumerable<string> Numbers(string page, string figure) =>
        Regex.Matches(Figure(page, figure), ">([0-9,]+)</text>").Select(m => m.Groups[1].Value);

    private string At(string path) => _program.At(path);
}
