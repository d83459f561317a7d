using System.Text.Json;
using Headstart.Images;
using Headstart.Models;
using Headstart.Tests.Commands;
using Headstart.Trainer.Runs;

namespace Headstart.Tests.FineTuning;

/// <summary><c>trainer evaluate --images</c>, as a user types it.</summary>
public sealed class PictureEvaluationTests : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private TuningSample _sample = null!;

    private TrainerProgram Program => _sample.Program;

    public async ValueTask InitializeAsync() => _sample = await TuningSample.CreateAsync(_folder);

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    [Theory]
    [InlineData("all")]
    [InlineData("1")]
    public async Task A_tuned_run_is_judged_by_pictures_with_the_figures_of_the_run(string unfreeze)
    {
        var (code, _, error) = await Program.FinetuneAsync(
            "run", "--model", "vgg.onnx", "--out", "tuned", "--images", "pictures", "--unfreeze", unfreeze, "--epochs", "1",
            "--lr", "1e-5");
        Assert.True(code == ExitCode.Done, error);
        var run = Uncalibrated("tuned");

        var report = await ReportAsync("tuned", "--images", "pictures");

        Assert.Equal(("val", run.Split.Val), (report.GetProperty("split").GetString(), report.GetProperty("rows").GetInt32()));
        Assert.Equal(run.Result.Val.Loss, report.GetProperty("loss").GetDouble(), 1e-6);
        Assert.Equal(run.Result.Val.Accuracy, report.GetProperty("accuracy").GetDouble());
        Assert.Equal(run.Result.Val.Auc!.Value, report.GetProperty("auc").GetDouble(), 1e-12);
        if (unfreeze == "all")
        {
            const string mend = "no cache can hold. Judge it by pictures: trainer evaluate tuned --images IMAGES";
            await SaysAsync(ExitCode.Failed, mend, "tuned", "cache");
        }

        File.Move(Program.At("vgg.onnx"), Program.At("elsewhere.onnx"));
        await SaysAsync(ExitCode.Failed, "isn't there. Pass it with --model: ", "tuned", "--images", "pictures");
        Assert.Equal(report.ToString(), (await ReportAsync("tuned", "--images", "pictures", "--model", "elsewhere.onnx")).ToString());
    }

    [Fact]
    public async Task A_head_alone_is_judged_by_pictures_and_its_base_as_by_the_cache()
    {
        // As a CSV without splits: which of them validated is known from the images, and some that can't be used change nothing in that.
        await _sample.WriteCacheAsync("unsplit", ["block3_pool"], hasSplits: false);
        var (code, _, error) = await Program.TrainAsync(
            "unsplit", "--out", "drawn", "--head", TuningSample.Head, "--epochs", "2", "--seed", "3");
        Assert.True(code == ExitCode.Done, error);
        _folder.Write("broken.jpg", [0xFF, 0xD8, 1, 2, 3]);
        var items = ImageSet.Open(Program.At("pictures")).Items.Select(i => $"{i.Path},{i.Label}");
        File.WriteAllLines(Program.At("pictures/list.csv"), ["path,label", .. items, "../broken.jpg,cats"]);

        var byCache = await ReportAsync("drawn", "unsplit");
        var (judged, output, words) = await Program.RunAsync(
            "evaluate", "drawn", "--images", "pictures/list.csv", "--model", "vgg.onnx", "--json");

        Assert.True(judged == ExitCode.Done, words);
        Assert.Contains("1 of 37 images can't be used and are left out", words.ReplaceLineEndings(" "), StringComparison.Ordinal);
        var byPictures = JsonDocument.Parse(output).RootElement;
        foreach (var field in (string[])["split", "rows", "accuracy", "auc", "temperature"])
            Assert.Equal(byCache.GetProperty(field).ToString(), byPictures.GetProperty(field).ToString());
        Assert.Equal(byCache.GetProperty("loss").GetDouble(), byPictures.GetProperty("loss").GetDouble(), 1e-5);
    }

    [Fact]
    public async Task What_is_missing_or_too_much_is_said_in_one_line()
    {
        ModelFile.Save(_sample.Model.Proto, _sample.Model.Contract with { Name = "other" }, Program.At("other.onnx"));

        await SaysAsync(ExitCode.Usage, "run has a head alone. Pass the base behind which", "run", "--images", "pictures");
        await SaysAsync(ExitCode.Failed, "No such folder or file: nowhere", "run", "--images", "nowhere", "--model", "vgg.onnx");
        await SaysAsync(ExitCode.Failed, "other.onnx has modelSha256 '", "run", "--images", "pictures", "--model", "other.onnx");
        await SaysAsync(ExitCode.Failed, "The base gone.onnx isn't there", "run", "--images", "pictures", "--model", "gone.onnx");
        await SaysAsync(ExitCode.Usage, "by what? Give a CACHE of features, or pictures with --images", "run");
        await SaysAsync(ExitCode.Usage, "both say what to judge by", "run", "cache", "--images", "pictures");
        await SaysAsync(ExitCode.Failed, "no label", "run", "--images", "pictures/val/cats", "--model", "vgg.onnx");
    }

    private async Task SaysAsync(int code, string words, params string[] arguments) =>
        Assert.Contains(words, await ErrorAsync(code, arguments), StringComparison.Ordinal);

    private async Task<string> ErrorAsync(int expected, params string[] arguments)
    {
        var (code, output, error) = await Program.RunAsync(["evaluate", .. arguments]);
        Assert.True(code == expected, $"{code}: {error}{output}");
        return error;
    }

    private async Task<JsonElement> ReportAsync(params string[] arguments)
    {
        var (code, output, error) = await Program.RunAsync(["evaluate", .. arguments, "--json"]);
        Assert.True(code == ExitCode.Done, error);
        return JsonDocument.Parse(output).RootElement;
    }

    // With temperature 1 the figures are the run's own.
    private RunFile Uncalibrated(string name)
    {
        var run = RunFolder.Read(Program.At(name)) with { Calibration = null };
        File.WriteAllText(Program.At($"{name}/run.json"), JsonSerializer.Serialize(run, HeadstartJson.Indented));
        return run;
    }
}
