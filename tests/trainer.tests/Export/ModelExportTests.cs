using Headstart.Models;
using Headstart.Models.Onnx;
using Headstart.Preprocessing;
using Headstart.Safetensors;
using Headstart.Tests.FineTuning;
using Headstart.Trainer.Evaluation;
using Headstart.Trainer.Export;
using Headstart.Trainer.Runs;

namespace Headstart.Tests.Export;

/// <summary>What is exported, and what is refused.</summary>
public sealed class ModelExportTests
{
    [Fact]
    public void A_model_that_differs_is_found_out()
    {
        using var sample = new ExportSample();
        using var export = sample.Export(sample.WriteRun());
        var (bytes, contract) = export.Build(WeightPrecision.Float32);
        ModelExport.Require("out.onnx", export.Check(bytes, contract, "out.onnx", ExportSample.Pictures));

        // One weight of one kernel of the base, changed by a tenth of it.
        var proto = ModelProto.Parser.ParseFrom(bytes);
        var kernel = proto.Graph.Initializer.Single(t => t.Name == "block1_conv1.weight");
        var values = OnnxTensor.ToFloats(kernel);
        values[5] *= 1.1f;
        proto.Graph.Initializer[proto.Graph.Initializer.IndexOf(kernel)] = OnnxTensor.FromFloats(kernel.Name, values, [.. kernel.Dims]);
        var corrupted = export.Check(ModelFile.ToBytes(proto, contract), contract, "out.onnx", ExportSample.Pictures);

        var error = Assert.Throws<CommandException>(() => ModelExport.Require("out.onnx", corrupted));
        Assert.Contains("out.onnx was not written", error.Message, StringComparison.Ordinal);
        Assert.Contains("differs from the trainer", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_base_that_the_trainer_computes_wrongly_is_named_and_one_that_can_be_made_good_is_exported()
    {
        using var sample = new ExportSample();
        var run = sample.WriteRun();
        using var wrong = new ModelExport(run, sample.RunFolderPath, sample.Base, new ExportOptions(), BrokenConvolutions.Both(6));

        var error = Assert.Throws<CommandException>(() => wrong.Make("out.onnx", ExportSample.Pictures));

        Assert.Contains("'block2_conv1_linear' (Conv) differs from ONNX Runtime", error.Message, StringComparison.Ordinal);
        using var mended = new ModelExport(run, sample.RunFolderPath, sample.Base, new ExportOptions(), BrokenConvolutions.Fast(6));
        Assert.Contains(
            "block2_conv1.weight", Assert.Single(mended.Make("out.onnx", ExportSample.Pictures).Check.Notes), StringComparison.Ordinal);
        using var sound = sample.Export(run);
        Assert.Empty(sound.Make("out.onnx", ExportSample.Pictures).Check.Notes);
    }

    [Fact]
    public void A_model_that_answers_no_number_is_found_out()
    {
        Assert.Equal(double.PositiveInfinity, ExportCheck.Difference(float.NaN, -1));
        Assert.Equal(double.PositiveInfinity, ExportCheck.Difference(0.5f, double.NaN));
    }

    [Theory]
    [InlineData(0.5, 0.5, 0)]
    [InlineData(0.50005, 0.5, 1e-4)]
    [InlineData(0.99995, 1, 5e-5)]
    [InlineData(0, 0, 0)]
    public void A_difference_is_relative_to_the_probability(float found, double expected, double difference) =>
        Assert.Equal(difference, ExportCheck.Difference(found, Math.Log(expected)), 1e-6);

    [Fact]
    public void Tuned_tensors_take_the_place_of_the_bases()
    {
        using var sample = new ExportSample(isVgg: true);
        var run = sample.WriteRun();
        using var untuned = sample.Export(run);
        var before = untuned.Make("out.onnx", ExportSample.Pictures);
        Tune(sample, t => [.. t.Values.Select(v => v * 1.5f)]);
        using var export = sample.Export(run);

        var made = export.Make("out.onnx", ExportSample.Pictures);

        Assert.Equal("base and head in TorchSharp", made.Check.Against);
        Assert.Equal(2, made.Contract.Prediction!.Origin.TunedTensors);
        var kernel = Initialiser(made, "block2_conv1.weight");
        Assert.Equal(Initialiser(before, "block2_conv1.weight").Select(v => v * 1.5f), kernel);
        Assert.Equal(Initialiser(before, "block1_conv1.weight"), Initialiser(made, "block1_conv1.weight"));
    }

    [Fact]
    public void Tuned_tensors_that_the_base_lacks_are_refused()
    {
        using var sample = new ExportSample(isVgg: true);
        var run = sample.WriteRun();
        SafetensorsFile.Write(Path.Combine(sample.RunFolderPath, RunFolder.BaseName), [new NamedTensor("block9_conv1.weight", [1], [1])],
            new Dictionary<string, string>());
        using var export = sample.Export(run);
        Assert.Contains("'block9_conv1.weight', which the base doesn't have",
            Assert.Throws<CommandException>(() => export.Make("o", ExportSample.Pictures)).Message, StringComparison.Ordinal);

        SafetensorsFile.Write(Path.Combine(sample.RunFolderPath, RunFolder.BaseName), [new NamedTensor("block1_conv1.bias", [2], [1, 2])],
            new Dictionary<string, string>());
        using var other = sample.Export(run);
        Assert.Contains("'block1_conv1.bias' as [2], which the base has as [64]",
            Assert.Throws<CommandException>(() => other.Make("o", ExportSample.Pictures)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Temperature_and_threshold_of_the_run_are_in_the_model()
    {
        using var sample = new ExportSample();
        var run = sample.WriteRun(gain: 0.2);
        using var plain = sample.Export(run);
        using var calibrated = sample.Export(run with { Calibration = new Calibration(2.5, 0.7) });

        var (cold, warm) = (plain.Make("o", ExportSample.Pictures), calibrated.Make("o", ExportSample.Pictures));

        Assert.Equal((2.5, 0.7), (warm.Contract.Prediction!.Temperature, warm.Contract.Prediction.Threshold));
        using var before = new ExportedModel(cold.Bytes, "o", cold.Contract);
        using var after = new ExportedModel(warm.Bytes, "o", warm.Contract);
        var pictures = ExportSample.Pictures.Pictures.Take(4).ToList();
        var (p, _) = before.Predict(pictures, before.Prepare(pictures));
        var (q, labels) = after.Predict(pictures, after.Prepare(pictures));
        for (var i = 0; i < pictures.Count; i++)
        {
            Assert.Equal(Math.Log(p[(2 * i) + 1] / p[2 * i]) / 2.5, Math.Log(q[(2 * i) + 1] / q[2 * i]), 1e-4);
            Assert.Equal(q[(2 * i) + 1] > 0.7f ? 1 : 0, labels[i]);
        }
    }

    [Fact]
    public void A_threshold_decides_and_not_the_larger_probability()
    {
        using var sample = new ExportSample();
        var run = sample.WriteRun(gain: 0.01);
        foreach (var (threshold, label) in new[] { (0.0001, 1L), (0.9999, 0L) })
        {
            using var export = sample.Export(run with { Calibration = new Calibration(1, threshold) });
            var made = export.Make("o", ExportSample.Pictures);
            using var exported = new ExportedModel(made.Bytes, "o", made.Contract);
            var pictures = ExportSample.Pictures.Pictures.Take(4).ToList();
            var (probabilities, labels) = exported.Predict(pictures, exported.Prepare(pictures));

            Assert.All(probabilities, p => Assert.InRange(p, 0.01, 0.99));
            Assert.All(labels, l => Assert.Equal(label, l));
        }
    }

    [Fact]
    public void Another_base_is_refused_with_the_field_unless_it_is_allowed()
    {
        using var sample = new ExportSample();
        var run = sample.WriteRun();
        var other = sample.Folder.File("other.onnx");
        ModelFile.Save(
            sample.Base.Proto.Clone(), sample.Base.Contract with { Weights = new WeightsSource("others", new string('1', 64)) }, other);
        var model = ModelFile.Load(other);

        var error = Assert.Throws<CommandException>(() => sample.Export(run, model: model));
        Assert.Contains($"has modelSha256 '{model.Sha256}'", error.Message, StringComparison.Ordinal);
        Assert.Contains("--allow-other-base", error.Message, StringComparison.Ordinal);

        using var allowed = sample.Export(run, new ExportOptions { AllowOtherBase = true }, model);
        Assert.False(allowed.IsOwnBase);
        var origin = allowed.Make("o", ExportSample.Pictures).Contract.Prediction!.Origin;
        Assert.Equal((model.Sha256, sample.Base.Sha256), (origin.BaseSha256, origin.TrainedOnSha256));
    }

    [Fact]
    public void Another_preprocessing_is_never_allowed()
    {
        using var sample = new ExportSample();
        var run = sample.WriteRun();
        var other = sample.Folder.File("other.onnx");
        ModelFile.Save(sample.Base.Proto.Clone(),
            sample.Base.Contract with { Preprocessing = sample.Base.Contract.Preprocessing with { Channels = ChannelOrder.Rgb } }, other);

        var error =
            Assert.Throws<CommandException>(() => sample.Export(run, new ExportOptions { AllowOtherBase = true }, ModelFile.Load(other)));

        Assert.Contains("preprocessing.channels 'rgb'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_base_that_takes_one_batch_size_keeps_it()
    {
        using var sample = new ExportSample(fixedBatch: 3);
        var run = sample.WriteRun();
        using var export = sample.Export(run);

        Assert.Equal(8, export.Make("o", ExportSample.Pictures).Check.Pictures);
        using var raw = sample.Export(run, new ExportOptions { RawInput = true });
        Assert.Contains("takes 3 images at a time", Assert.Throws<CommandException>(() => raw.Make("o", ExportSample.Pictures)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_model_that_takes_pixels_says_what_the_trainer_says(bool isTorchvision)
    {
        using var sample = new ExportSample(preprocessing: isTorchvision ? Presets.Torchvision : Presets.Keras);
        using var export = sample.Export(sample.WriteRun(), new ExportOptions { RawInput = true });

        var made = export.Make("o", ExportSample.Pictures);

        Assert.True(made.Contract.Prediction!.RawInput);
        Assert.InRange(made.Check.LargestDifference, 0, 5e-5);
    }

    [Fact]
    public void Float16_halves_the_kernels_and_says_what_that_changes()
    {
        using var sample = new ExportSample(isVgg: true);
        var run = sample.WriteRun(gain: 0.1);
        using var whole = sample.Export(run);
        using var half = sample.Export(run, new ExportOptions { Precision = WeightPrecision.Float16 });

        var (large, small) = (whole.Make("o", ExportSample.Pictures), half.Make("o", ExportSample.Pictures));

        Assert.Null(large.Rounded);
        Assert.InRange(small.Rounded!.LargestChange, 1e-9, 0.01);
        Assert.Equal("float16", small.Contract.Precision);
        var types =
            ModelProto.Parser.ParseFrom(small.Bytes).Graph.Initializer.Where(t => t.Dims.Count > 1).Select(t => t.DataType).Distinct();
        Assert.Equal([(int)TensorProto.Types.DataType.Float16], types);
        Assert.InRange((double)small.Bytes.Length / large.Bytes.Length, 0.5, 0.55);
    }

    [Fact]
    public void Rounding_that_moves_a_probability_too_far_is_refused()
    {
        // Kernels that are zero in float16, made up for by the next ones: what is rounded no longer sees the picture.
        using var sample = new ExportSample(weights: c => Scaled(FineTuning.VggSample.Seeded(c), c.Block == 1 ? 1e-9f : 1e9f));
        using var export = sample.Export(sample.WriteRun(), new ExportOptions { Precision = WeightPrecision.Float16 });

        var error = Assert.Throws<CommandException>(() => export.Make("o.onnx", ExportSample.Pictures));

        Assert.Contains("o.onnx was not written", error.Message, StringComparison.Ordinal);
        Assert.Contains("float16", error.Message, StringComparison.Ordinal);

        static ConvolutionWeights Scaled(ConvolutionWeights of, float by) =>
            new([.. of.Kernel.Select(v => v * by)], [.. of.Bias.Select(v => by < 1 ? v * by : v)]);
    }

    [Fact]
    public void Other_programs_find_classes_temperature_and_threshold_under_plain_names()
    {
        using var sample = new ExportSample();
        using var export = sample.Export(sample.WriteRun());
        var made = export.Make("o", ExportSample.Pictures);
        var path = sample.Folder.Write("written.onnx", made.Bytes);

        var metadata = ModelFile.Load(path).Proto.MetadataProps.ToDictionary(p => p.Key, p => p.Value);
        Assert.Equal(("""["class0","class1"]""", "1", "0.5"), (metadata["classes"], metadata["temperature"], metadata["threshold"]));
    }

    private static float[] Initialiser(ProvenModel made, string name) =>
        OnnxTensor.ToFloats(ModelProto.Parser.ParseFrom(made.Bytes).Graph.Initializer.Single(t => t.Name == name));

    private static void Tune(ExportSample sample, Func<NamedTensor, float[]> change)
    {
        var tuned = sample.Base.Proto.Graph.Initializer.Where(t => t.Name.StartsWith("block2_", StringComparison.Ordinal))
            .Select(t => new NamedTensor(t.Name, [.. t.Dims], OnnxTensor.ToFloats(t)))
            .Select(t => t with { Values = change(t) }).ToList();
        SafetensorsFile.Write(Path.Combine(sample.RunFolderPath, RunFolder.BaseName), tuned, new Dictionary<string, string>());
    }
}
