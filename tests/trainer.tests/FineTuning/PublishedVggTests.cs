using System.Runtime.InteropServices;
using Headstart.Models;
using Headstart.Training.FineTuning;
using Headstart.Training.Heads;
using Headstart.Training.Runs;
using static TorchSharp.torch;

namespace Headstart.Tests.FineTuning;

/// <summary>The real VGG16, as far as it is at hand beside the repository; skipped where it isn't.</summary>
public sealed class PublishedVggTests : IDisposable
{
    private const int Size = 224;

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
        var model = VggSample.Write(_folder, VggArchitecture.Vgg16, ["block3_pool"], Size, c => Real(weights, TorchPositions[convolutions.IndexOf(c)]));
        using var vgg = OnnxTail.FromModel(model, CPU, null, "block3_pool");
        using var scope = NewDisposeScope();

        var found = vgg.Forward(tensor(input, [1, 3, Size, Size])).contiguous().data<float>().ToArray();

        Assert.InRange(found.Zip(published).Max(p => Math.Abs(p.First - p.Second)), 0, 1e-3 * published.Max());
        Assert.InRange(OnnxRuntimeReference.RelativeDistance(found, OnnxRuntimeReference.Run(model.Proto, input, Size)["block3_pool"]), 0, 1e-5);
    }

    private static ConvolutionWeights Real(IReadOnlyDictionary<string, NamedTensor> weights, int position) =>
        new(weights[$"features.{position}.weight"].Values, weights[$"features.{position}.bias"].Values);

    private static float[] Floats(string path) => MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(SharedMaterial.Find(path))).ToArray();

    private static float[] ToChw(float[] hwc, int size, int channels) =>
        [.. Enumerable.Range(0, channels).SelectMany(c => Enumerable.Range(0, size * size).Select(p => hwc[(p * channels) + c]))];
}
