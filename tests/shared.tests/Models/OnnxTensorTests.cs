using CsCheck;
using Google.Protobuf;
using Headstart.Models;
using Headstart.Models.Onnx;
using DataType = Headstart.Models.Onnx.TensorProto.Types.DataType;

namespace Headstart.Tests.Models;

public sealed class OnnxTensorTests
{
    [Fact]
    public void Floats_are_read_back_bit_for_bit() => Gen.Float.Array[0, 50].Sample(values =>
        Assert.Equal(values.Select(BitConverter.SingleToInt32Bits),
            OnnxTensor.ToFloats(OnnxTensor.FromFloats("t", values, values.Length)).Select(BitConverter.SingleToInt32Bits)));

    // Bit patterns from IEEE 754 (binary16) and from bfloat16's definition, the upper half of a float32.
    [Theory]
    [InlineData(DataType.Float16, new byte[] { 0x00, 0x3C, 0x00, 0xC0, 0xFF, 0x7B, 0x01, 0x00 }, new[] { 1f, -2f, 65504f, 5.9604645e-8f })]
    [InlineData(DataType.Bfloat16, new byte[] { 0x80, 0x3F, 0x00, 0xC0, 0x49, 0x40 }, new[] { 1f, -2f, 3.140625f })]
    [InlineData(DataType.Double, new byte[] { 0, 0, 0, 0, 0, 0, 0xF0, 0x3F }, new[] { 1f })]
    public void Other_floating_point_types_are_widened(DataType type, byte[] raw, float[] expected)
    {
        var tensor = new TensorProto { Name = "t", DataType = (int)type, RawData = ByteString.CopyFrom(raw) };
        tensor.Dims.Add(expected.Length);

        Assert.Equal(expected, OnnxTensor.ToFloats(tensor));
    }

    [Fact]
    public void Dimensions_that_contradict_the_values_are_an_error()
    {
        var tensor = OnnxTensor.FromFloats("kernel", [1, 2, 3], 3);
        tensor.Dims[0] = long.MaxValue;
        tensor.Dims.Add(long.MaxValue);

        Assert.Contains("'kernel'", Assert.Throws<CommandException>(() => OnnxTensor.ToFloats(tensor)).Message);
    }

    [Fact]
    public void Whole_numbers_are_not_weights() => Assert.Contains(
        "Int64", Assert.Throws<CommandException>(() => OnnxTensor.ToFloats(OnnxSamples.Int64s("shape", 1, 2))).Message);
}
