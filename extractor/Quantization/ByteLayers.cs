using Headstart.Cache;
using Headstart.Models;
using Headstart.Models.Onnx;
using DataType = Headstart.Models.Onnx.TensorProto.Types.DataType;

namespace Headstart.Extraction.Quantization;

/// <summary>
/// Which layers of a model are bytes that were multiplied by a scale at the very end, so that a cache can hold the bytes.
/// </summary>
internal static class ByteLayers
{
    /// <summary>The grids of those layers; the others are computed in float32, or in another way than this knows.</summary>
    public static IReadOnlyDictionary<string, ByteGrid> Of(ModelProto model, IReadOnlyList<ModelLayer> layers)
    {
        var tensors = model.Graph.Initializer.ToDictionary(t => t.Name, StringComparer.Ordinal);
        var last = model.Graph.Node.Where(n => n.OpType == "DequantizeLinear" && n.Domain is "" or "ai.onnx")
            .ToDictionary(n => n.Output[0], StringComparer.Ordinal);
        return layers.Where(l => last.ContainsKey(l.Name))
            .Select(l => (l.Name, Grid: GridOf(last[l.Name], tensors, l.Shape.Channels)))
            .Where(l => l.Grid is not null)
            .ToDictionary(l => l.Name, l => l.Grid!, StringComparer.Ordinal);
    }

    private static ByteGrid? GridOf(NodeProto node, Dictionary<string, TensorProto> tensors, int channels)
    {
        if (node.Input is not [_, var scaleName, var zeroName] || !tensors.TryGetValue(scaleName, out var scale)
            || !tensors.TryGetValue(zeroName, out var zero))
            return null;
        if (scale.DataType != (int)DataType.Float || node.Attribute.Any(a => a.Name == "block_size" && a.I != 0))
            return null;
        var scales = OnnxTensor.ToFloats(scale);
        var isPerChannel = scales.Length == channels && node.Attribute.All(a => a.Name != "axis" || a.I == 1);
        return ZeroPoints(zero)?.Distinct().ToArray() is [var zeroPoint] && (isPerChannel || scales.Length == 1)
            ? new ByteGrid(zeroPoint, [.. Enumerable.Range(0, channels).Select(c => (double)scales[scales.Length == 1 ? 0 : c])])
            : null;
    }

    // Signed bytes are stored with 128 added, which the zero point takes off again.
    private static IEnumerable<byte>? ZeroPoints(TensorProto tensor)
    {
        IEnumerable<int> numbers = tensor.HasRawData ? tensor.RawData.Select(b => (int)b) : tensor.Int32Data.Select(i => i & 255);
        return (DataType)tensor.DataType switch
        {
            DataType.Uint8 => numbers.Select(n => (byte)n),
            DataType.Int8 => numbers.Select(n => (byte)(n ^ 128)),
            _ => null,
        };
    }
}
