using System.Buffers.Binary;
using Google.Protobuf;
using Headstart.Models.Onnx;
using DataType = Headstart.Models.Onnx.TensorProto.Types.DataType;

namespace Headstart.Models;

/// <summary>Stores a graph's kernels as float16, with a Cast behind each: half the file; the arithmetic stays float32.</summary>
/// <remarks>
/// Runtimes cast once, when they load the model. Activations stay float32 on purpose: those of VGG's deep layers pass 15,000, near enough
/// to float16's end at 65,504. Vectors (biases, statistics of batch norm) stay as they are: they are small, and a variance may be too small
/// for float16.
/// </remarks>
public static class Float16Weights
{
    /// <summary>What a contract says of such a graph, and of one that computes in float16.</summary>
    public const string Precision = "float16";

    /// <summary>Changes the graph; the result is how many tensors were stored anew.</summary>
    /// <remarks>A tensor with a value that float16 can't hold stays as it is.</remarks>
    public static int Store(GraphProto graph)
    {
        var casts = new List<NodeProto>();
        for (var i = graph.Initializer.Count - 1; i >= 0; i--)
        {
            var tensor = graph.Initializer[i];
            if (tensor.DataType != (int)DataType.Float || tensor.Dims.Count < 2 || TryHalve(OnnxTensor.ToFloats(tensor)) is not { } halves)
                continue;
            var half = new TensorProto
            {
                Name = OnnxGraph.UnusedName(graph, $"{tensor.Name}_float16"),
                DataType = (int)DataType.Float16,
                RawData = ByteString.CopyFrom(halves),
            };
            half.Dims.AddRange(tensor.Dims);
            graph.Initializer[i] = half;

            // The Cast's output takes the initialiser's name, so that no other node changes.
            var cast = new NodeProto { OpType = "Cast", Name = $"{tensor.Name}_as_float32" };
            cast.Input.Add(half.Name);
            cast.Output.Add(tensor.Name);
            cast.Attribute.Add(new AttributeProto { Name = "to", Type = AttributeProto.Types.AttributeType.Int, I = (long)DataType.Float });
            casts.Add(cast);
        }

        NodeProto[] nodes = [.. casts, .. graph.Node];
        graph.Node.Clear();
        graph.Node.AddRange(nodes);
        return casts.Count;
    }

    /// <returns>Null where a value is too large for float16.</returns>
    private static byte[]? TryHalve(float[] values)
    {
        var bytes = new byte[values.Length * 2];
        for (var i = 0; i < values.Length; i++)
        {
            var half = (Half)values[i];
            if (!Half.IsFinite(half))
                return null;
            BinaryPrimitives.WriteHalfLittleEndian(bytes.AsSpan(2 * i), half);
        }

        return bytes;
    }
}
