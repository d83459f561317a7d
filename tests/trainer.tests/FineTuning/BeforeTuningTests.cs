using System.Text.Json;
using Headstart.Safetensors;
using Headstart.Trainer.FineTuning;
using Headstart.Trainer.Runs;

namespace Headstart.Tests.FineTuning;

/// <summary>
/// What happens before the first step: the network is held to the run that it goes on from, and its weights are the first candidate for the
/// best.
/// </summary>
public sealed class BeforeTuningTests : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private TuningSample _sample = null!;

    public async ValueTask InitializeAsync() => _sample = await TuningSample.CreateAsync(_folder);

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task A_base_that_is_computed_wrongly_is_not_tuned()
    {
        foreach (var (source, first) in new[] { ("cache", "block3_conv1_linear"), ("images", "block1_conv1_linear") })
        {
            var error = await Assert.ThrowsAsync<CommandException>(() => MakeAsync("wrong", source, BrokenConvolutions.Both(64, 256)));
            Assert.Contains($"'{first}' (Conv) differs from ONNX Runtime", error.Message, StringComparison.Ordinal);
            Assert.False(Directory.Exists(_sample.Program.At("wrong")));
        }
    }

    [Fact]
    public async Task A_convolution_that_is_wrong_is_made_good_and_said()
    {
        var right = await MakeAsync("right", "cache", null);
        using var words = new StringWriter();
        var mended = await MakeAsync("mended", "cache", BrokenConvolutions.Fast(256), words);

        Assert.Equal(right.Before!.Loss, mended.Before!.Loss, 1e-5);
        Assert.Equal(right.Val.Loss, mended.Val.Loss, 1e-4);
        Assert.Contains("note: libtorch's own way to compute 2 of the convolutions is wrong here", words.ToString().ReplaceLineEndings(" "),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Figures_other_than_the_runs_end_it()
    {
        var path = _sample.Program.At("run/run.json");
        var run = RunFolder.Read(_sample.Program.At("run"));
        var report = run.Result.Validation!;
        var other = report with { Plain = report.Plain! with { Loss = report.Plain.Loss + 0.01 } };
        File.WriteAllText(
            path, JsonSerializer.Serialize(run with { Result = run.Result with { Validation = other } }, HeadstartJson.Indented));

        var (code, _, error) = await FinetuneAsync("x", "1e-4");

        Assert.Equal(ExitCode.Failed, code);
        Assert.Contains("Before the first step the validation loss is", error, StringComparison.Ordinal);
        Assert.Contains("run.json has", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_sample.Program.At("x")));
    }

    [Fact]
    public async Task The_weights_that_went_in_are_kept_where_no_epoch_is_better()
    {
        var (code, output, error) = await FinetuneAsync("kept", "1e-2", "--early-stop", "1", "--json");
        Assert.True(code == ExitCode.Done, error);

        var result = JsonDocument.Parse(output).RootElement;
        Assert.Equal((1, 0, 0), (result.GetProperty(
            "epochs").GetInt32(), result.GetProperty("bestEpoch").GetInt32(), result.GetProperty("savedEpoch").GetInt32()));
        Assert.Equal(
            result.GetProperty("before").GetProperty("loss").GetDouble(), result.GetProperty("val").GetProperty("loss").GetDouble());
        Assert.Equal(_sample.Run.Result.Train.Loss, result.GetProperty("train").GetProperty("loss").GetDouble());
        Assert.Contains("kept: the weights that went in; none of 1 epochs was better", error, StringComparison.Ordinal);
        Assert.DoesNotContain("ended worse", error, StringComparison.Ordinal);

        var (before, after) = (SafetensorsFile.Read(_sample.Program.At("run/head.safetensors")),
            SafetensorsFile.Read(_sample.Program.At("kept/head.safetensors")));
        Assert.All(before.Values, t => Assert.Equal(t.Values, after[t.Name].Values));
    }

    [Fact]
    public async Task A_run_that_ends_worse_than_it_began_says_so_first()
    {
        var (code, output, error) = await FinetuneAsync("worse", "1e-2");
        Assert.True(code == ExitCode.Done, error);

        var summary = output[output.IndexOf("\n\n", StringComparison.Ordinal)..].Trim();
        var result = RunFolder.Read(_sample.Program.At("worse")).Result;
        Assert.True(result.Val.Loss > result.Before!.Loss);
        Assert.Equal((2, 0), (result.SavedEpoch, result.BestEpoch));
        Assert.StartsWith("It ended worse than it began: val loss ", summary, StringComparison.Ordinal);
        Assert.Contains("The lowest validation loss was before tuning: --early-stop keeps that one.", summary, StringComparison.Ordinal);
        Assert.DoesNotContain("ended worse", (await FinetuneAsync("better", "1e-4")).Output, StringComparison.Ordinal);
    }

    private Task<RunResult> MakeAsync(string folder, string source, ConvolutionKernels? kernels, TextWriter? words = null)
    {
        var arguments = new FinetuneRequest
        {
            Run = _sample.Program.At("run"),
            Out = _sample.Program.At(folder),
            Model = _sample.Program.At("vgg.onnx"),
            Epochs = 1,
            Batch = 8,
            LearningRate = 1e-4,
        };
        arguments = source == "cache"
            ? arguments with { Cache = _sample.Program.At("cache") }
            : arguments with { Images = _sample.Program.At("pictures") };
        return TuningRun.MakeAsync(
            arguments, null, new RunControl(Resume: false, RequireComplete: false, TimeSpan.FromSeconds(10)), words ?? TextWriter.Null,
            TimeProvider.System, 0,
            TestContext.Current.CancellationToken, kernels);
    }

    private Task<(int Code, string Output, string Error)> FinetuneAsync(string folder, string rate, params string[] options) =>
        _sample.Program.FinetuneAsync(
            ["run", "--out", folder, "--model", "vgg.onnx", "--cache", "cache", "--epochs", "2", "--batch", "8", "--lr", rate, .. options]);
}
