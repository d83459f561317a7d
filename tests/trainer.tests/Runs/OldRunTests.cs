using System.Text.Json.Nodes;
using Headstart.Trainer.Runs;
using Headstart.Trainer.Training;

namespace Headstart.Tests.Runs;

/// <summary>
/// Runs of earlier versions are read. The golden files are run.json as 0.1.0 of November 2026 wrote them (commit e97473b), of
/// <c>trainer train cache --out run --head "gap, dense(8, relu)" --epochs 2 --threshold cost=1:5 --class-weights balanced</c> and
/// <c>trainer finetune run --out tuned --cache cache --model onnx/demo-base.onnx --unfreeze-from block3_pool --epochs 2</c>, with other
/// folders. They are never made anew.
/// </summary>
public sealed class OldRunTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_run_of_schema_1_is_read_with_its_options()
    {
        var run = Read(Frozen("run"));

        Assert.Equal("gap, dense(8, relu)", run.Head);
        Assert.Equal(
            new TrainRequest
            {
                Cache = "cache",
                Out = "run",
                Head = "gap, dense(8, relu)",
                Epochs = 2,
                ClassWeights = "balanced",
                Threshold = "cost=1:5",
            }, run.Arguments);
        Assert.Equal(new TrainingOptions { Epochs = 2, ClassWeights = "balanced" }, run.Options);
        Assert.Equal(run.Command, run.Arguments!.Command);
        Assert.Equal("cost=1:5", run.Calibration!.ThresholdRule);
    }

    [Fact]
    public void A_tuned_run_of_schema_1_is_read_with_its_options()
    {
        var run = Read(Frozen("tuned"));

        Assert.Equal(
            new FinetuneRequest
            {
                Run = "run",
                Out = "tuned",
                Model = "onnx/demo-base.onnx",
                Cache = "cache",
                UnfreezeFrom = "block3_pool",
                Epochs = 2,
            },
            run.Tuning!.Arguments);
        Assert.Equal(run.Command, run.Tuning.Arguments.Command);
        Assert.Equal(2, run.Tuning.Groups.Count);
    }

    [Fact]
    public void Names_that_nobody_knows_are_skipped_and_missing_ones_take_their_default()
    {
        var json = Frozen("run");
        json["somethingNew"] = new JsonObject { ["of"] = "a later version" };
        json["arguments"]!["anotherOption"] = 5;
        json["arguments"]!.AsObject().Remove("batch");
        json["options"]!.AsObject().Remove("labelSmoothing");

        var run = Read(json);

        Assert.Equal(32, run.Arguments!.Batch);
        Assert.Equal(0, run.Options.LabelSmoothing);
    }

    [Fact]
    public void A_run_of_a_later_schema_is_refused_in_one_line()
    {
        var json = Frozen("run");
        json["schema"] = RunFile.CurrentSchema + 1;

        var error = Assert.Throws<CommandException>(() => Read(json));

        Assert.Contains("schema", error.Message, StringComparison.Ordinal);
        Assert.Contains("use the version that made it", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_temperature_that_divides_by_nothing_is_damage()
    {
        var json = Frozen("run");
        json["calibration"]!["temperature"] = 0;

        Assert.Contains(
            "calibration.temperature is 0", Assert.Throws<CommandException>(() => Read(json)).Message, StringComparison.Ordinal);
    }

    private static JsonObject Frozen(string name)
    {
        using var stream = typeof(OldRunTests).Assembly.GetManifestResourceStream($"{name}-schema-1.golden.json")!;
        return JsonNode.Parse(stream)!.AsObject();
    }

    private RunFile Read(JsonObject json)
    {
        File.WriteAllText(_folder.File(RunFolder.RunName), json.ToJsonString(HeadstartJson.Indented));
        return RunFolder.Read(_folder.Path);
    }
}
