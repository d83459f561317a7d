using System.Text.Json;
using Headstart.Cache;
using Headstart.Models;
using Headstart.Safetensors;
using Headstart.Trainer.Evaluation;
using Headstart.Trainer.Features;
using Headstart.Trainer.Runs;
using static TorchSharp.torch;

namespace Headstart.Tests.FineTuning;

/// <summary>The real program, on a small VGG.</summary>
public sealed class FinetuneCommandTests : IAsyncLifetime
{
    private static readonly string[] Options = ["--model", "vgg.onnx", "--epochs", "3", "--batch", "8", "--lr", "1e-4"];

    private readonly TemporaryFolder _folder = new();
    private TuningSample _sample = null!;

    public async ValueTask InitializeAsync() => _sample = await TuningSample.CreateAsync(_folder);

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task A_run_is_tuned_from_a_cache_and_from_the_pictures_to_the_same_figures()
    {
        var (code, output, error) = await FinetuneAsync("run", "--out", "tuned", "--cache", "cache", "--json");
        Assert.True(code == ExitCode.Done, error);
        Assert.Contains("from cached block2_pool (128 x 8 x 8)", error, StringComparison.Ordinal);
        Assert.Contains("block 3: 885,248 weights at 1.0e-4", error, StringComparison.Ordinal); // 9 · 128 · 256 + 256 + 9 · 256 · 256 + 256
        var (other, outputOfImages, errorOfImages) = await FinetuneAsync("run", "--out", "tuned-images", "--images", "pictures", "--json");
        Assert.True(other == ExitCode.Done, errorOfImages);

        var (fromCache, fromImages) = (JsonDocument.Parse(output).RootElement, JsonDocument.Parse(outputOfImages).RootElement);
        foreach (var side in new[] { "train", "val", "before" })
            Assert.Equal(fromImages.GetProperty(side).GetProperty("loss").GetDouble(),
                fromCache.GetProperty(side).GetProperty("loss").GetDouble(), 1e-4);
        var run = RunFolder.Read(_sample.Program.At("tuned"));
        Assert.NotEqual(run.Result.Before!.Loss, run.Result.Val.Loss);
        Assert.Equal(_sample.Run.Result.Val.Loss, run.Result.Before.Loss, 1e-5); // the head's own figures, found again
        Assert.Equal(885_248 + run.Tuning!.Groups[0].Weights, run.Result.TrainableParameters);
        Assert.Equal(
            ("block2_pool", "block2_pool", _sample.Program.At("run")), (run.Tuning.UnfrozenFrom, run.Tuning.Prefix, run.Tuning.From));
        Assert.Equal("trainer finetune run --out tuned --model vgg.onnx --cache cache --lr 0.0001 --epochs 3 --batch 8", run.Command);
        Assert.Null(RunFolder.Read(_sample.Program.At("tuned-images")).Tuning!.Prefix);
        Assert.Equal(
            ["base.safetensors", "events", "head.safetensors", "metrics.jsonl", "report.html", "run.json"],
            Directory.EnumerateFiles(_sample.Program.At("tuned")).Select(f => Path.GetFileName(f))
                .Select(n => n.StartsWith("events.", StringComparison.Ordinal) ? "events" : n).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_tuned_run_is_judged_calibrated_and_reported_like_any_other()
    {
        // So little is learnt that there are mistakes to show.
        await _sample.Program.TrainAsync("cache", "--out", "guess", "--head", TuningSample.Head, "--epochs", "1", "--lr", "1e-7", "--layer",
            "block3_pool", "--threshold", "recall=0.5");
        var (code, output, error) = await FinetuneAsync("guess", "--out", "tuned", "--images", "pictures", "--lr", "1e-6");
        Assert.True(code == ExitCode.Done, error);

        var run = RunFolder.Read(_sample.Program.At("tuned"));
        Assert.Equal((run.Result.Val.Loss, run.Result.Val.Accuracy), (run.Result.Validation!.Loss, run.Result.Validation.Accuracy));
        Assert.Equal(run.Calibration, run.Result.Calibration);
        Assert.Equal("recall=0.5", run.Calibration!.ThresholdRule);
        Assert.NotEqual(RunFolder.Read(_sample.Program.At("guess")).Calibration!.Threshold, run.Calibration.Threshold);
        Assert.All(output.Split('\n').SkipWhile(l => !l.StartsWith("validation accuracy", StringComparison.Ordinal)),
            l => Assert.InRange(l.Length, 0, 80));
        Assert.Contains("Next: trainer export tuned --model vgg.onnx --out CLASSIFIER.onnx", output, StringComparison.Ordinal);

        var page = await File.ReadAllTextAsync(_sample.Program.At("tuned/report.html"), TestContext.Current.CancellationToken);
        Assert.Contains("lr-decay", page, StringComparison.Ordinal);
        Assert.Contains("after block2_pool, from the pictures", page, StringComparison.Ordinal);
        var mistakes = (int)Math.Round((1 - run.Result.Val.Accuracy) * run.Split.Val);
        Assert.InRange(mistakes, 1, run.Split.Val);
        Assert.Equal(mistakes, page.Split("data:image/jpeg;base64,").Length - 1);
    }

    [Fact]
    public async Task A_tuned_run_is_evaluated_on_the_layer_before_what_was_tuned_with_the_figures_of_the_run()
    {
        await FinetuneAsync("run", "--out", "tuned", "--cache", "cache", "--seed", "5");

        var run = RunFolder.Read(_sample.Program.At("tuned"));
        var (code, output, error) = await _sample.Program.RunAsync("evaluate", "tuned", "cache", "--json");
        Assert.True(code == ExitCode.Done, error);
        var report = JsonDocument.Parse(output).RootElement;
        Assert.Equal(("val", run.Split.Val), (report.GetProperty("split").GetString(), report.GetProperty("rows").GetInt32()));
        Assert.Equal(run.Result.Val.Auc!.Value, report.GetProperty("auc").GetDouble(), 1e-12);
        Assert.Equal(run.Calibration!.Temperature, report.GetProperty("temperature").GetDouble());
        var calibrated = report.GetProperty("loss").GetDouble();
        Assert.InRange(calibrated, 0, run.Result.PlainVal.Loss + 1e-6);
        Assert.Equal(run.Result.Val.Loss, calibrated, 1e-6);

        // With temperature 1 they are the run's plain figures.
        var path = _sample.Program.At("tuned/run.json");
        File.WriteAllText(path, JsonSerializer.Serialize(run with { Calibration = null }, HeadstartJson.Indented));
        report = JsonDocument.Parse(
            (await _sample.Program.RunAsync("evaluate", "tuned", "cache", "--model", "vgg.onnx", "--json")).Output).RootElement;
        Assert.Equal(run.Result.PlainVal.Loss, report.GetProperty("loss").GetDouble(), 1e-6);
        Assert.Equal(run.Result.PlainVal.Accuracy, report.GetProperty("accuracy").GetDouble());

        await _sample.WriteCacheAsync("deep", ["block3_pool"]);
        Assert.Contains("tuned is tuned after block2_pool", (await _sample.Program.RunAsync("evaluate", "tuned", "deep")).Error,
            StringComparison.Ordinal);
        ModelFile.Save(_sample.Model.Proto, _sample.Model.Contract with { Name = "other" }, _sample.Program.At("other.onnx"));
        Assert.Contains("other.onnx has modelSha256 '",
            (await _sample.Program.RunAsync("evaluate", "tuned", "cache", "--model", "other.onnx")).Error, StringComparison.Ordinal);
        Assert.Contains("Leave --model out", (await _sample.Program.RunAsync("evaluate", "run", "cache", "--model", "vgg.onnx")).Error,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_seed_never_moves_images_between_those_that_train_and_those_that_judge()
    {
        // A cache without a split column: the run drew which images judge.
        await _sample.WriteCacheAsync("unsplit", ["block2_pool", "block3_pool"], hasSplits: false);
        await _sample.Program.TrainAsync(
            "unsplit", "--out", "drawn", "--head", TuningSample.Head, "--epochs", "2", "--layer", "block3_pool", "--seed", "3");
        Assert.Equal(
            ExitCode.Done, (await FinetuneAsync("drawn", "--out", "second", "--cache", "unsplit", "--seed", "5", "--epochs", "1")).Code);
        Assert.Equal(
            ExitCode.Done, (await FinetuneAsync("second", "--out", "third", "--cache", "unsplit", "--seed", "6", "--epochs", "1")).Code);

        var (second, third) = (RunFolder.Read(_sample.Program.At("second")), RunFolder.Read(_sample.Program.At("third")));
        Assert.Equal((3L, 3L), (second.SplitSeed, third.SplitSeed));
        Assert.Equal(RunFolder.Read(_sample.Program.At("drawn")).Result.Val.Loss, second.Result.Before!.Loss, 1e-5);
        Assert.Equal(second.Result.Val.Loss, third.Result.Before!.Loss, 1e-5);
        var report = JsonDocument.Parse((await _sample.Program.RunAsync("evaluate", "third", "unsplit", "--json")).Output).RootElement;
        Assert.Equal(third.Result.Val.Auc!.Value, report.GetProperty("auc").GetDouble(), 1e-12);
    }

    [Fact]
    public async Task The_tuned_weights_are_stored_under_the_models_names_and_predict_what_the_run_says()
    {
        await FinetuneAsync("run", "--out", "tuned", "--cache", "cache");
        var initialisers = _sample.Model.Proto.Graph.Initializer.ToDictionary(t => t.Name);

        var tuned = SafetensorsFile.Read(_sample.Program.At("tuned/base.safetensors"));

        Assert.Equal(["block3_conv1.weight", "block3_conv1.bias", "block3_conv2.weight", "block3_conv2.bias"], tuned.Keys);
        Assert.All(tuned.Values, t => Assert.Equal(initialisers[t.Name].Dims, t.Shape));
        Assert.All(tuned.Values, t => Assert.NotEqual(OnnxTensor.ToFloats(initialisers[t.Name]), t.Values));
        Assert.InRange(OnnxRuntimeReference.RelativeDistance(
            tuned["block3_conv1.weight"].Values, OnnxTensor.ToFloats(initialisers["block3_conv1.weight"])), 1e-4, 0.1);

        var run = RunFolder.Read(_sample.Program.At("tuned"));
        var cache = await FeatureCache.OpenAsync(_sample.Program.At("cache"), TestContext.Current.CancellationToken);
        var split = RowSplit.Of(cache.Rows, cache.Folder, 0.2, 0);
        using var rows = (await new FeatureLoader(cache, cache.Layer("block2_pool"), null)
            .LoadAsync(run.Classes, [split.Validation], new Progress<int>(), TestContext.Current.CancellationToken))[0];
        using var network = TunedRun.Load(_sample.Program.At("tuned"), _sample.Model, "block2_pool", CPU);
        var figures = Figures.FromLogits(network.Predict(rows), rows.Labels, 2);
        Assert.Equal(run.Result.PlainVal.Loss, figures.Loss, 1e-6);
        Assert.Equal(run.Result.PlainVal.Accuracy, figures.Accuracy);

        Assert.Contains("What it tuned begins before that layer",
            Assert.Throws<CommandException>(() => TunedRun.Load(_sample.Program.At("tuned"), _sample.Model, "block3_conv1", CPU)).Message,
            StringComparison.Ordinal);
        Assert.Contains("run is a run of 'trainer train'",
            Assert.Throws<CommandException>(() => TunedRun.Load(_sample.Program.At("run"), _sample.Model, null, CPU)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_tuned_run_is_tuned_further_and_keeps_what_was_tuned_before()
    {
        Assert.Equal(ExitCode.Done, (await FinetuneAsync("run", "--out", "tuned", "--cache", "cache")).Code);
        await _sample.WriteCacheAsync("shallow", ["block1_pool"]);
        var (code, _, error) = await FinetuneAsync("tuned", "--out", "deeper", "--cache", "shallow", "--unfreeze-from", "block3_conv1");
        Assert.True(code == ExitCode.Done, error);

        var (first, second) = (SafetensorsFile.Read(_sample.Program.At("tuned/base.safetensors")),
            SafetensorsFile.Read(_sample.Program.At("deeper/base.safetensors")));
        Assert.Equal(first.Keys, second.Keys);
        Assert.Equal(first["block3_conv1.weight"].Values, second["block3_conv1.weight"].Values);
        Assert.NotEqual(first["block3_conv2.weight"].Values, second["block3_conv2.weight"].Values);
        Assert.Equal(RunFolder.Read(_sample.Program.At("tuned")).Result.Val.Loss,
            RunFolder.Read(_sample.Program.At("deeper")).Result.Before!.Loss, 1e-5);
    }

    [Fact]
    public async Task Everything_is_tuned_from_the_pictures()
    {
        var (code, _, error) = await FinetuneAsync(
            "run", "--out", "tuned", "--images", "pictures", "--unfreeze", "all", "--epochs", "1", "--augment", "--lr-decay", "0.5");
        Assert.True(code == ExitCode.Done, error);
        Assert.Equal(
            _sample.Model.Proto.Graph.Initializer.Select(t => t.Name).Order(StringComparer.Ordinal),
            SafetensorsFile.Read(_sample.Program.At("tuned/base.safetensors")).Keys.Order(StringComparer.Ordinal));
        Assert.Equal([1e-3, 1e-4, 5e-5, 2.5e-5],
            RunFolder.Read(_sample.Program.At("tuned")).Tuning!.Groups.Select(g => Math.Round(g.LearningRate, 9)));
    }

    [Fact]
    public async Task The_validation_images_of_another_cache_are_found_there_too()
    {
        await _sample.WriteCacheAsync("cache2", ["block2_pool", "block3_pool"]);
        await _sample.Program.TrainAsync("cache", "--val", "cache2", "--out", "run2", "--head", "gap", "--epochs", "1");

        var (code, _, error) = await FinetuneAsync("run2", "--out", "tuned", "--cache", "cache");
        Assert.True(code == ExitCode.Done, error);
        Assert.Contains("say where its pictures are, with --val",
            (await FinetuneAsync("run2", "--out", "tuned2", "--images", "pictures")).Error, StringComparison.Ordinal);
        var (images, _, words) = await FinetuneAsync("run2", "--out", "tuned2", "--images", "pictures", "--val", "pictures");
        Assert.True(images == ExitCode.Done, words);
        Assert.Equal(RunFolder.Read(_sample.Program.At("tuned2")).Result.Val.Loss,
            RunFolder.Read(_sample.Program.At("tuned")).Result.Val.Loss, 1e-4);
    }

    [Theory]
    [InlineData("Give either --cache", "run", "--out", "x")]
    [InlineData("Give either --cache", "run", "--out", "x", "--cache", "cache", "--images", "pictures")]
    [InlineData(
        "the number of blocks is 1 to 3, as block3_pool is in block 3; or all", "run", "--out", "x", "--cache", "cache", "--unfreeze", "4")]
    [InlineData("give one of them", "run", "--out", "x", "--cache", "cache", "--unfreeze", "1", "--unfreeze-from", "block2_pool")]
    [InlineData("The graph computes no tensor 'block2_pol'. The nearest names: block2_pool", "run", "--out", "x", "--cache", "cache",
        "--unfreeze-from", "block2_pol")]
    [InlineData("Add it with 'extractor extract IMAGES --model vgg.onnx --layer block1_pool --out cache'", "run", "--out", "x", "--cache",
        "cache", "--unfreeze", "2")]
    [InlineData("Give --images instead of --cache", "run", "--out", "x", "--cache", "cache", "--unfreeze", "all")]
    [InlineData("cache has no augmented views", "run", "--out", "x", "--cache", "cache", "--augment")]
    [InlineData("lbfgs: it solves linear heads", "run", "--out", "x", "--cache", "cache", "--optimizer", "lbfgs")]
    [InlineData("--lr-decay 2:", "run", "--out", "x", "--cache", "cache", "--lr-decay", "2")]
    [InlineData("--gradual 0:", "run", "--out", "x", "--cache", "cache", "--gradual", "0")]
    [InlineData("holds a run already", "run", "--out", "run", "--cache", "cache")]
    [InlineData("No finished run in nothing", "nothing", "--out", "x", "--cache", "cache")]
    public async Task What_can_not_be_tuned_is_said_and_nothing_is_left_behind(string words, params string[] arguments)
    {
        var (code, _, error) = await FinetuneAsync(arguments);

        Assert.NotEqual(ExitCode.Done, code);
        Assert.Contains(words, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_sample.Program.At("x")));
    }

    [Fact]
    public async Task Another_model_is_refused_with_the_field()
    {
        var other = _sample.Model.Contract with { Name = "other" };
        ModelFile.Save(_sample.Model.Proto, other, _sample.Program.At("other.onnx"));
        Assert.Contains("other.onnx has modelSha256 '",
            (await FinetuneAsync("run", "--out", "x", "--cache", "cache", "--model", "other.onnx")).Error, StringComparison.Ordinal);

        var contract =
            SyntheticCache.Contract([.. _sample.Model.Contract.Layers]) with { ModelSha256 = _sample.Model.Sha256, Model = "vgg11" };
        await SyntheticCache.WriteAsync(
            _sample.Program.At("foreign"), contract, SyntheticCache.Rows(3, ["cats", "dogs"]), (r, l) => new float[l.Shape.Length]);
        Assert.Contains("foreign was made with preprocessing.", (await FinetuneAsync("run", "--out", "x", "--cache", "foreign")).Error,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_no_VGG_is_tuned_from_a_tensor_that_is_named()
    {
        var model = VggSample.Save(_folder, _sample.Model.Proto, _sample.Model.Contract with { Architecture = "onnx" });
        await _sample.TrainWithAsync(model);

        var (_, _, refused) = await FinetuneAsync("run2", "--out", "tuned", "--cache", "cache2");
        Assert.Contains(
            "its blocks are not known. Name the tensor after which it is tuned, with --unfreeze-from", refused, StringComparison.Ordinal);
        Assert.Contains("block2_pool (cached), block3_conv1_linear, block3_conv1, block3_conv2_linear", refused, StringComparison.Ordinal);
        var (code, output, error) = await FinetuneAsync("run2", "--out", "tuned", "--cache", "cache2", "--unfreeze-from", "block3_conv1");
        Assert.True(code == ExitCode.Done, error);
        Assert.Contains("There are no batch norms in this part", output, StringComparison.Ordinal);
        Assert.Equal(["block3_conv2.weight", "block3_conv2.bias"], SafetensorsFile.Read(_sample.Program.At("tuned/base.safetensors")).Keys);
    }

    [Fact]
    public async Task Pictures_that_are_gone_or_changed_are_named()
    {
        var gone = _sample.Program.At("pictures/train/dogs/004.jpg");
        File.Move(gone, gone + ".away");
        Assert.Contains("pictures lacks 1 of the 24 images that the run needs: train/dogs/004.jpg first",
            (await FinetuneAsync("run", "--out", "x", "--images", "pictures")).Error, StringComparison.Ordinal);

        File.Copy(_sample.Program.At("pictures/train/dogs/005.jpg"), gone);
        Assert.Contains("004.jpg is not the image that the run's cache knows",
            (await FinetuneAsync("run", "--out", "x", "--images", "pictures")).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cache_that_moved_is_found_and_one_that_would_be_divided_otherwise_is_refused()
    {
        Directory.Move(_sample.Program.At("cache"), _sample.Program.At("moved"));
        Assert.Equal(ExitCode.Done, (await FinetuneAsync("run", "--out", "a", "--cache", "moved")).Code);
        Assert.Contains("Pass where it is now, with --run-cache", (await FinetuneAsync("run", "--out", "b", "--images", "pictures")).Error,
            StringComparison.Ordinal);
        Assert.Equal(ExitCode.Done,
            (await FinetuneAsync("run", "--out", "b", "--images", "pictures", "--run-cache", "moved", "--epochs", "1")).Code);
    }

    private async Task<(int Code, string Output, string Error)> FinetuneAsync(params string[] arguments)
    {
        var given = arguments.ToHashSet(StringComparer.Ordinal);
        string[] defaults = [.. Options.Chunk(2).Where(o => !given.Contains(o[0])).SelectMany(o => o)];
        return await _sample.Program.FinetuneAsync([.. arguments, .. defaults]);
    }
}
