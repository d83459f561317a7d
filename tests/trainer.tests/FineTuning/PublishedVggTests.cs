using System.Runtime.InteropServices;
using Headstart.Images;
using Headstart.Models;
using Headstart.Preprocessing;
using Headstart.Safetensors;
using Headstart.Trainer.FineTuning;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Training;
using static TorchSharp.torch;

namespace Headstart.Tests.FineTuning;

/// <summary>The real VGG16, as far as it is at hand beside the repository; skipped where it isn't.</summary>
public sealed class PublishedVggTests : IDisposable
{
    private const int Size = 224;
    private static readonly string[] Classes = ["cats", "dogs"];

    // Positions of the convolutions in torchvision's list of layers; the ReLUs and poolings lie between.
    private static readonly int[] TorchPositions = [0, 2, 5, 7, 10, 12, 14];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // Activations published by WenqiJiang/VGG16_FPGA_Accelerator for its photograph of a Persian cat. Tolerance: 1e-3 of the largest value;
    // against ONNX Runtime 1e-5.
    [Fact]
    public void The_real_blocks_give_the_published_activations()
    {
        var weights = SafetensorsFile.Read(SharedMaterial.Find("models/vgg16_blocks123.safetensors"));
        var input = ToChw(Floats("known-answers/vgg16/persian_cat_input_nhwc_bgr.f32"), Size, 3);
        var published = ToChw(Floats("known-answers/vgg16/persian_cat_block3_pool.f32"), 28, 256);
        var convolutions = VggArchitecture.Vgg16.ConvolutionsUpTo("block3_pool").ToList();
        var model = VggSample.Write(
            _folder, VggArchitecture.Vgg16, ["block3_pool"], Size, c => Real(weights, TorchPositions[convolutions.IndexOf(c)]));
        using var vgg = OnnxTail.FromModel(model, CPU, null, "block3_pool");
        using var scope = NewDisposeScope();

        var found = vgg.Forward(tensor(input, [1, 3, Size, Size])).contiguous().data<float>().ToArray();

        Assert.InRange(found.Zip(published).Max(p => Math.Abs(p.First - p.Second)), 0, 1e-3 * published.Max());
        Assert.InRange(
            OnnxRuntimeReference.RelativeDistance(found, OnnxRuntimeReference.Run(model.Proto, input, Size)["block3_pool"]), 0, 1e-5);
    }

    /// <summary>What tuning from a cache is worth depends on this, on real weights and photographs.</summary>
    [Fact]
    [Trait("Category", "Slow")]
    public void Tuning_real_block_3_from_cached_features_equals_tuning_it_from_the_photographs()
    {
        var weights = SafetensorsFile.Read(SharedMaterial.Find("models/vgg16_blocks123.safetensors"));
        var convolutions = VggArchitecture.Vgg16.ConvolutionsUpTo("block3_pool").ToList();
        var model = VggSample.Write(_folder, VggArchitecture.Vgg16, ["block2_pool", "block3_pool"], Size,
            c => Real(weights, TorchPositions[convolutions.IndexOf(c)]));
        var preprocessor = new ImagePreprocessor(Presets.Keras);
        var photographs = new List<float[]>();
        foreach (var file in Classes.SelectMany(
            c => Directory.EnumerateFiles(SharedMaterial.Find($"data/cats-dogs/train/{c}")).Order(StringComparer.Ordinal).Take(4)))
        {
            var chw = new float[preprocessor.Length];
            preprocessor.Apply(ImageDecoder.Decode(File.ReadAllBytes(file), ExifOrientation.Ignore), chw);
            photographs.Add(chw);
        }

        float[][] cached =
            [.. photographs.Select(p => OnnxRuntimeReference.Run(OnnxGraph.CutTo(model.Proto, ["block2_pool"]), p, Size)["block2_pool"])];
        var fromCache = Losses(model, "block2_pool", cached, [128, 56, 56]);
        var endToEnd = Losses(model, null, photographs, [3, Size, Size]);

        TestContext.Current.TestOutputHelper!.WriteLine(string.Join(' ', endToEnd));
        Assert.All(fromCache.Zip(endToEnd), p => Assert.Equal(p.Second, p.First, 1e-4 * p.Second));
        Assert.True(endToEnd[^1] < endToEnd[0], string.Join(' ', endToEnd));
    }

    // 20 steps of 4: cats and dogs in each, the same ones every other step.
    private static double[] Losses(ModelFile model, string? after, IReadOnlyList<float[]> inputs, long[] shape)
    {
        using var network = new TunedNetwork(
            OnnxTail.FromModel(model, CPU, after, "block3_pool"),
            new Head(HeadPlan.Create(HeadSpec.Parse("gap, l2norm"), model.Contract.Layers[^1], 2), 0, CPU));
        network.Unfreeze("block2_pool");
        using var groups =
            new TuningGroups(
                network, new TuningOptions { Training = new TrainingOptions { LearningRate = 1e-5 }, HeadLearningRate = 1e-2 });
        var losses = new List<double>();
        for (var i = 0; i < 20; i++)
        {
            using var step = NewDisposeScope();
            int[] images = i % 2 == 0 ? [0, 1, 4, 5] : [2, 3, 6, 7];
            using var batch = tensor(images.SelectMany(n => inputs[n]).ToArray(), [4, .. shape]);
            losses.Add(TuningLoop.Step(network, groups, new Objective(2, []), batch, [0, 0, 1, 1], 1e-5).Loss.item<float>());
        }

        return [.. losses];
    }

    private static ConvolutionWeights Real(IReadOnlyDictionary<string, NamedTensor> weights, int position) =>
        new(weights[$"features.{position}.weight"].Values, weights[$"features.{position}.bias"].Values);

    private static float[] Floats(string path) => MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(SharedMaterial.Find(path))).ToArray();

    private static float[] ToChw(float[] hwc, int size, int channels) =>
        [.. Enumerable.Range(0, channels).SelectMany(c => Enumerable.Range(0, size * size).Select(p => hwc[(p * channels) + c]))];
}
