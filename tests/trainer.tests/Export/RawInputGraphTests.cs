using Google.Protobuf;
using Headstart.Images;
using Headstart.Models;
using Headstart.Models.Onnx;
using Headstart.Preprocessing;
using Headstart.Trainer.Export;
using Headstart.Trainer.Runtime;

namespace Headstart.Tests.Export;

/// <summary>
/// Resize, crop and normalisation as ONNX operators, beside the preprocessing that everything else uses (and that is compared with PIL and
/// torch elsewhere).
/// </summary>
public sealed class RawInputGraphTests
{
    public static TheoryData<int, int> Sizes => new()
    {
        { 1, 1 }, { 1, 300 }, { 7, 5 }, { 224, 224 }, { 256, 256 }, { 255, 257 }, { 500, 375 }, { 374, 500 }, { 100, 99 }, { 1831, 613 },
        { 40, 3000 },
    };

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Torchvisions_resize_and_crop_come_out_bit_for_bit(int width, int height)
    {
        var (found, expected) = Both(Presets.Torchvision, width, height);

        // Whole grey levels before the normalisation: a difference would be 1 / 255 / 0.23 at least.
        Assert.Equal(0, Largest(found, expected), 1e-6);
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Keras_resize_comes_out_within_a_ten_thousandth_of_a_grey_level(int width, int height)
    {
        var (found, expected) = Both(Presets.Keras, width, height);

        Assert.Equal(0, Largest(found, expected), 1e-4);
    }

    [Fact]
    public void Channels_and_every_field_of_the_normalisation_are_heeded()
    {
        var preprocessing = Presets.Mobilenet with
        {
            Preset = "custom",
            Size = 64,
            Channels = ChannelOrder.Bgr,
            Mean = [0.1f, 0.5f, 0.9f],
            Std = [0.5f, 1, 2],
        };
        var (found, expected) = Both(preprocessing, 90, 50);

        Assert.Equal(0, Largest(found, expected), 1e-6);
    }

    [Fact]
    public void Operators_that_are_too_old_are_refused()
    {
        var error =
            Assert.Throws<CommandException>(() => RawInputGraph.Prepend(Identity(opset: 10, 8), "input", Presets.Keras, "old.onnx"));

        Assert.Contains("--raw-input needs 11", error.Message, StringComparison.Ordinal);
    }

    private static (float[] Found, float[] Expected) Both(ImagePreprocessing preprocessing, int width, int height)
    {
        var random = new SeededRandom(width, "raw input", height);
        var pixels = new byte[width * height * 3];
        for (var i = 0; i < pixels.Length; i++)
            pixels[i] = (byte)random.NextBelow(256);
        var expected = new float[3 * preprocessing.Size * preprocessing.Size];
        new ImagePreprocessor(preprocessing).Apply(new RgbImage(width, height, pixels), expected);

        var model = Identity(opset: 13, preprocessing.Size);
        RawInputGraph.Prepend(model, "input", preprocessing, "identity.onnx");
        using var session = new OnnxRuntimeSession(model.ToByteArray(), "identity.onnx");
        return (session.Run(pixels, [height, width, 3], "prepared_image").Floats, expected);
    }

    private static double Largest(float[] found, float[] expected)
    {
        Assert.Equal(expected.Length, found.Length);
        return found.Zip(expected, (a, b) => Math.Abs((double)a - b)).Max();
    }

    private static ModelProto Identity(int opset, int size)
    {
        var graph = new GraphProto { Name = "identity" };
        graph.Input.Add(VggGraph.Describe("input", new LayerShape(3, size, size)));
        graph.Output.Add(new ValueInfoProto { Name = "prepared_image", Type = graph.Input[0].Type.Clone() });
        var node = new NodeProto { OpType = "Identity", Name = "identity" };
        node.Input.Add("input");
        node.Output.Add("prepared_image");
        graph.Node.Add(node);
        var model = new ModelProto { IrVersion = 8, Graph = graph };
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = opset });
        return model;
    }
}
