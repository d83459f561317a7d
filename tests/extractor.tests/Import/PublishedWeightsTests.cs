using System.Runtime.InteropServices;
using Headstart.Extraction.Import;

namespace Headstart.Tests.Import;

/// <summary>The real VGG16, as far as it is at hand beside the repository; skipped where it isn't.</summary>
public sealed class PublishedWeightsTests : IDisposable
{
    private readonly ImportSample _sample = new();

    public void Dispose() => _sample.Dispose();

    // Activations published by WenqiJiang/VGG16_FPGA_Accelerator for its photograph of a Persian cat. Tolerance: 1e-3 of the largest value.
    [Theory]
    [InlineData("models/vgg16_blocks123.safetensors")]
    [InlineData("models/vgg16_block3_pool.onnx")]
    public void The_real_weights_give_the_published_activations(string weights)
    {
        var input = Floats(SharedMaterial.Find("known-answers/vgg16/persian_cat_input_nhwc_bgr.f32"));
        var expected = Floats(SharedMaterial.Find("known-answers/vgg16/persian_cat_block3_pool.f32"));
        var imported = ModelImport.Run(new ImportOptions
        {
            Weights = SharedMaterial.Find(weights),
            Out = _sample.Folder.File("v.onnx"),
            Preset = "keras",
            Layers = ["block3_pool"],
        });

        var found = ImportSample.Run(imported, ToChw(input, 224, 3))["block3_pool"].Values;

        Assert.Equal("vgg16", imported.Contract.Architecture);
        Assert.InRange(LargestDifference(found, ToChw(expected, 28, 256)), 0, 1e-3 * expected.Max());
    }

    [Fact]
    public void Real_weights_are_identical_through_safetensors_and_onnx()
    {
        var options = new ImportOptions
        {
            Weights = SharedMaterial.Find("models/vgg16_blocks123.safetensors"),
            Out = _sample.Folder.File("v.onnx"),
            Preset = "keras",
            Layers = ["block3_pool"],
        };

        Assert.Equal(
            ImportSample.Initialisers(ModelImport.Run(options)),
            ImportSample.Initialisers(ModelImport.Run(options with { Weights = SharedMaterial.Find("models/vgg16_block3_pool.onnx") })));
    }

    private static float LargestDifference(float[] a, float[] b) => a.Zip(b).Max(pair => Math.Abs(pair.First - pair.Second));

    private static float[] ToChw(float[] hwc, int size, int channels) =>
        [.. Enumerable.Range(0, channels).SelectMany(c => Enumerable.Range(0, size * size).Select(p => hwc[(p * channels) + c]))];

    private static float[] Floats(string path) => MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(path)).ToArray();
}
