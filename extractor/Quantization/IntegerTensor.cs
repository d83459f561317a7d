using System.Runtime.InteropServices;
using Google.Protobuf;
using Headstart.Models.Onnx;
using DataType = Headstart.Models.Onnx.TensorProto.Types.DataType;

namespace Headstart.Extraction.Quantization;

/// <summary>Whole numbers as ONNX tensors, stored little-endian.</summary>
internal static class IntegerTensor
{
    public static TensorProto Of(string name, ReadOnlySpan<byte> values, params ReadOnlySpan<long> dims) =>
        Of(name, DataType.Uint8, values, dims);

    public static TensorProto Of(string name, ReadOnlySpan<sbyte> values, params ReadOnlySpan<long> dims) =>
        Of(name, DataType.Int8, MemoryMarshal.AsBytes(values), dims);

    public static TensorProto Of(string name, ReadOnlySpan<int> values, params ReadOnlySpan<long> dims) =>
        Of(name, DataType.Int32, MemoryMarshal.AsBytes(values), dims);

    private static TensorProto Of(string name, DataType type, ReadOnlySpan<byte> bytes, ReadOnlySpan<long> dims)
    {
        var tensor = new TensorProto { Name = name, DataType = (int)type, RawData = ByteString.CopyFrom(bytes) };
        tensor.Dims.AddRange(dims.ToArray());
        return tensor;
    }
}
