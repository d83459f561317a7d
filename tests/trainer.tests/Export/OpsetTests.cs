using Headstart.Models;
using Headstart.Models.Onnx;
using Headstart.Preprocessing;
using Headstart.Trainer.Evaluation;
using Headstart.Trainer.Export;
using Headstart.Trainer.Runs;

namespace Headstart.Tests.Export;

/// <summary>
/// Everything that is written around a base, with operators of every version: it runs in ONNX Runtime and says what the trainer says.
/// </summary>
/// <remarks>Make compares the two itself, and throws where they differ; that it does is what ModelExportTests proves.</remarks>
public sealed class OpsetTests
{
    private static readonly string[] OnMaps =
    [
        "flatten", "gmp", "gap, l2norm", "avgpool(2), batchnorm, flatten, layernorm, dropout(0.5), dense(8, relu), dense(6, elu)",
        "gap, batchnorm, dense(6, gelu), dense(5, silu)", "avgpool(5), dense(8, tanh), dense(6, sigmoid), dense(4)",
    ];

    private static readonly string[] OnVectors = ["flatten, gap, gmp, avgpool(1), batchnorm", "l2norm, layernorm, dense(5, gelu)"];

    public static TheoryData<int> All => [.. Enumerable.Range(GraphNodes.LowestOpset, 23 - GraphNodes.LowestOpset + 1)];

    public static TheoryData<int> OfRawInput => [.. Enumerable.Range(11, 13)];

    [Theory]
    [MemberData(nameof(All))]
    public void Every_piece_and_every_decision_says_what_the_trainer_says(int opset)
    {
        foreach (var vectorLayer in (bool[])[false, true])
        {
            var specs = vectorLayer ? OnVectors : OnMaps;
            for (var i = 0; i < specs.Length; i++)
            {
                using var sample = new ExportSample(opset: opset, vectorLayer: vectorLayer);

                // Two classes with a threshold and several without, both with and without a temperature.
                var classes = i % 2 == 0 ? 2 : 5;
                var run = sample.WriteRun(specs[i], classes, gain: 0.5);
                var calibration = new Calibration(i % 4 < 2 ? 2.5 : 1, classes == 2 ? 0.7 : null);
                RequireSame(sample, run with { Calibration = calibration }, new(), opset);
            }
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Kernels_in_float16_and_another_base_too(int opset)
    {
        using var sample = new ExportSample(opset: opset);
        var run = sample.WriteRun("gap, l2norm, dense(8, gelu)", gain: 0.1);
        var path = sample.Folder.File("other.onnx");
        var contract = sample.Base.Contract with { Weights = new WeightsSource("others", new string('1', 64)) };
        ModelFile.Save(sample.Base.Proto.Clone(), contract, path);

        RequireSame(sample, run, new() { Precision = WeightPrecision.Float16 }, opset);
        RequireSame(sample, run, new() { AllowOtherBase = true }, opset, ModelFile.Load(path));
    }

    [Theory]
    [MemberData(nameof(OfRawInput))]
    public void Pixels_of_any_size_are_prepared_as_the_trainer_prepares_them(int opset)
    {
        foreach (var preprocessing in (ImagePreprocessing[])[Presets.Keras, Presets.Torchvision])
        {
            using var sample = new ExportSample(opset: opset, preprocessing: preprocessing);
            RequireSame(sample, sample.WriteRun(), new() { RawInput = true }, opset);
        }
    }

    [Fact]
    public void A_version_whose_operators_do_not_broadcast_is_refused_with_what_to_do()
    {
        using var sample = new ExportSample(opset: 6);
        using var export = sample.Export(sample.WriteRun());

        var error = Assert.Throws<CommandException>(() => export.Make("out.onnx", ExportSample.Pictures));

        Assert.Contains("operators of version 6, and a head needs 7", error.Message, StringComparison.Ordinal);
        Assert.Contains("13 is a good one", error.Message, StringComparison.Ordinal);
    }

    private static void RequireSame(ExportSample sample, RunFile run, ExportOptions options, int opset, ModelFile? model = null)
    {
        using var export = sample.Export(run, options, model);
        var made = export.Make("out.onnx", ExportSample.Pictures);

        Assert.Equal(opset, ModelProto.Parser.ParseFrom(made.Bytes).OpsetImport[0].Version);
        Assert.Equal(8, made.Check.Pictures);
        Assert.InRange(made.Check.LargestDifference, 0, 5e-5);
    }
}
