using Headstart.Models;
using Headstart.Models.Onnx;
using Headstart.Preprocessing;
using Headstart.Tests.Models;
using DataType = Headstart.Models.Onnx.TensorProto.Types.DataType;

namespace Headstart.Tests.Prediction;

/// <summary>Models that decide by the mean colour, so that what they must say of a picture can be worked out by hand.</summary>
internal static class DecidingModel
{
    public static readonly string[] Colours = ["blue", "green", "red"];

    /// <summary>Softmax over the means of the channels of an 8 x 8 picture, of bytes / 25.5.</summary>
    public static ModelFile Tensors(TemporaryFolder folder, int? fixedBatch = null)
    {
        var input = OnnxSamples.Input("x", DataType.Float, fixedBatch ?? 0, 3, 8, 8);
        var proto = OnnxSamples.Model(
            13, input, [PredictionContract.Probabilities, PredictionContract.Label],
            [
                OnnxSamples.Node("GlobalAveragePool", ["x"], "pooled"),
                OnnxSamples.Node("Flatten", ["pooled"], "means"),
                OnnxSamples.Node("Softmax", ["means"], PredictionContract.Probabilities, OnnxSamples.Int("axis", 1)),
                OnnxSamples.Node("ArgMax", [PredictionContract.Probabilities], PredictionContract.Label, OnnxSamples.Int("axis", 1),
                    OnnxSamples.Int("keepdims", 0)),
            ]);
        return Save(folder, "tensors.onnx", proto, isRaw: false, fixedBatch);
    }

    /// <summary>The same of pixels of any size.</summary>
    public static ModelFile Pixels(TemporaryFolder folder)
    {
        var proto = OnnxSamples.Model(
            13, OnnxSamples.Input("image", DataType.Uint8, 0, 0, 3), [PredictionContract.Probabilities, PredictionContract.Label],
            [
                OnnxSamples.Cast("image", "floats", DataType.Float),
                OnnxSamples.Node("ReduceMean", ["floats"], "means", OnnxSamples.Ints("axes", 0, 1), OnnxSamples.Int("keepdims", 0)),
                OnnxSamples.Node("Gather", ["means", "bgr"], "reversed", OnnxSamples.Int("axis", 0)),
                OnnxSamples.Node("Div", ["reversed", "by"], "scaled"),
                OnnxSamples.Node("Reshape", ["scaled", "row"], "rows"),
                OnnxSamples.Node("Softmax", ["rows"], PredictionContract.Probabilities, OnnxSamples.Int("axis", 1)),
                OnnxSamples.Node("ArgMax", [PredictionContract.Probabilities], PredictionContract.Label, OnnxSamples.Int("axis", 1),
                    OnnxSamples.Int("keepdims", 0)),
            ],
            OnnxSamples.Int64s("bgr", 2, 1, 0), OnnxTensor.FromFloats("by", [25.5f], 1), OnnxSamples.Int64s("row", 1, 3));
        return Save(folder, "pixels.onnx", proto, isRaw: true, null);
    }

    private static ModelFile Save(TemporaryFolder folder, string name, ModelProto proto, bool isRaw, int? fixedBatch)
    {
        ModelFile.Save(proto, OnnxSamples.Contract(new ModelLayer(PredictionContract.Probabilities, new LayerShape(3, 1, 1))) with
        {
            Preprocessing = OnnxSamples.Plain with { Channels = ChannelOrder.Bgr, DivideBy = 25.5f },
            FixedBatch = fixedBatch,
            Prediction = new PredictionContract
            {
                Classes = Colours,
                Temperature = 1,
                RawInput = isRaw,
                Origin =
                    new ModelOrigin("sample", new string('b', 64), new string('b', 64), "x", "gap", "run", new string('c', 64), 0, "test"),
            },
        }, folder.File(name));
        return ModelFile.Load(folder.File(name));
    }
}
