using System.Runtime.InteropServices;
using Google.Protobuf;
using Headstart.Models.Onnx;

namespace Headstart.Models;

/// <summary>Float values in and out of ONNX tensors.</summary>
public static class OnnxTensor
{
    /// <summary>A float32 tensor, stored little-endian in <c>raw_data</c>.</summary>
    /// <exception cref="ArgumentException">The number of values is not the product of the dimensions.</exception>
    public static TensorProto FromFloats(string name, ReadOnlySpan<float> values, params ReadOnlySpan<long> dims)
    {
        if (values.Length != ElementCount(dims))
            throw new ArgumentException(
                $"'{name}' has {values.Length} values for dimensions [{string.Join(", ", dims.ToArray())}].", nameof(values));
        var tensor = new TensorProto
        {
            Name = name,
            DataType = (int)TensorProto.Types.DataType.Float,
            RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes(values)),
        };
        tensor.Dims.AddRange(dims.ToArray());
        return tensor;
    }

    /// <summary>The values of a float32, float16, bfloat16 or float64 tensor, row-major; float64 is rounded to float32.</summary>
    /// <exception cref="CommandException">Another type, data in another file, or a number of values that the dimensions
    /// contradict.</exception>
    public static float[] ToFloats(TensorProto tensor)
    {
        if (tensor.DataLocation == TensorProto.Types.DataLocation.External)
            throw new CommandException(
                $"The values of '{tensor.Name}' are in another file; import the model with 'extractor model import' first.");
        var raw = tensor.RawData.Span;
        var values = (TensorProto.Types.DataType)tensor.DataType switch
        {
            TensorProto.Types.DataType.Float => tensor.HasRawData ? FloatValues.FromFloat32(raw) : [.. tensor.FloatData],
            TensorProto.Types.DataType.Float16 => tensor.HasRawData
                ? FloatValues.FromFloat16(raw)
                : [.. tensor.Int32Data.Select(bits => (float)BitConverter.UInt16BitsToHalf((ushort)bits))],
            TensorProto.Types.DataType.Bfloat16 => tensor.HasRawData
                ? FloatValues.FromBFloat16(raw)
                : [.. tensor.Int32Data.Select(bits => BitConverter.Int32BitsToSingle(bits << 16))],
            TensorProto.Types.DataType.Double =>
                tensor.HasRawData ? FloatValues.FromFloat64(raw) : [.. tensor.DoubleData.Select(d => (float)d)],
            var type => throw new CommandException($"Tensor '{tensor.Name}' holds {type} values; floating-point weights are expected."),
        };
        return values.Length == ElementCount([.. tensor.Dims])
            ? values
            : throw new CommandException($"Tensor '{tensor.Name}' holds {values.Length:N0} values, but its dimensions are " +
                $"[{string.Join(", ", tensor.Dims)}]. The file is damaged: fetch or export it again.");
    }

    private static long ElementCount(ReadOnlySpan<long> dims)
    {
        // Floating point can't overflow, and a damaged file may claim any dimensions.
        var count = 1.0;
        foreach (var dim in dims)
            count *= dim;
        return count is >= 0 and <= long.MaxValue / 2 ? (long)count : -1;
    }
}
