using System.Text.Json;
using Headstart.Tests.Programs;

namespace Headstart.Tests.Documentation;

/// <summary>scripts/keras-tutorial.sh, from Keras' weight file to predictions of the shipped model.</summary>
/// <remarks>The weights are full-size, but blocks 4 and 5 are noise, and the pictures are few: this is about the steps, not about the
/// accuracy.</remarks>
public sealed class KerasTutorialTests(Vgg16Weights weights) : IDisposable
{
    /// <summary>Of the 10 drawn pictures of each of two classes, a quarter is for validation.</summary>
    private const int ValidationPictures = 4;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    [Trait("Category", "Slow")]
    public async Task The_tutorial_goes_from_Keras_weights_to_predictions_and_can_be_run_again()
    {
        var file = await weights.Keras();
        (await ProgramRun.Extractor("demo-data", _folder.File("pictures"), "--per-class", "10")).EndedWith(0);

        var run = (await Tutorial(file, _folder.File("pictures"), _folder.File("out"))).EndedWith(0);

        var head = Accuracy("head");
        var tuned = Accuracy("tuned");
        Assert.Contains($"head on the frozen base  {head}", run.Output, StringComparison.Ordinal);
        Assert.Contains($"last block tuned         {tuned}", run.Output, StringComparison.Ordinal);
        Assert.True(File.Exists(_folder.File("out", "head", "report.html")));
        Assert.True(new FileInfo(_folder.File("out", "model.onnx")).Length > 50_000_000, "the model holds the whole base");
        var predictions = await File.ReadAllLinesAsync(_folder.File("out", "predictions.csv"), TestContext.Current.CancellationToken);
        Assert.Equal(1 + ValidationPictures, predictions.Length);

        // All is there: nothing is trained again, and the figures stay.
        var again = (await Tutorial(file, _folder.File("pictures"), _folder.File("out"))).EndedWith(0);
        Assert.Equal(head, Accuracy("head"));
        Assert.Equal(tuned, Accuracy("tuned"));
        Assert.Contains("0 computed", again.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("three arguments", "weights.h5", "pictures")]
    [InlineData("no file of weights at nowhere.h5", "nowhere.h5", "pictures", "out")]
    public async Task What_is_missing_is_named(string message, params string[] arguments)
    {
        await using var script = RunningProgram.Start("bash", [Script, .. arguments], _folder.Path);
        var run = (await script.Ended()).EndedWith(2);

        var line = Assert.Single(run.Error.Trim().Split('\n'));
        Assert.StartsWith("error: ", line, StringComparison.Ordinal);
        Assert.Contains(message, line, StringComparison.Ordinal);
    }

    private static string Script => Path.Combine(Repository.Root, "scripts/keras-tutorial.sh");

    private static async Task<ProgramRun> Tutorial(params string[] arguments)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The script needs bash.");
        var environment = new Dictionary<string, string?>
        {
            ["EPOCHS"] = "2",
            ["TUNE_EPOCHS"] = "1",
            ["BATCH"] = "6",
            ["EXTRACTOR"] = RunningProgram.Executable("extractor"),
            ["TRAINER"] = RunningProgram.Executable("trainer"),
        };
        await using var script = RunningProgram.Start("bash", [Script, .. arguments], environment: environment);
        return await script.Ended();
    }

    private string Accuracy(string run)
    {
        var last = File.ReadAllLines(_folder.File("out", run, "metrics.jsonl"))[^1];
        return JsonDocument.Parse(last).RootElement.GetProperty("val").GetProperty("accuracy").GetRawText();
    }
}
