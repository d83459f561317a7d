using Headstart.Models.Onnx;

namespace Headstart.Extraction.Quantization;

/// <summary>A node that is to compute with bytes, and the ReLU or clip behind it that its saturation takes over.</summary>
internal sealed record IntegerNode(NodeProto Node, NodeProto? Activation)
{
    public string Output => (Activation ?? Node).Output[0];

    /// <summary>What people call it: the node's name, or that of what it computes.</summary>
    public string Name => Node.Name.Length > 0 ? Node.Name : Output;

    /// <summary>Whether it hands bytes on as they are or picks among them, so that its output has its input's grid.</summary>
    public bool KeepsGrid => Node.OpType is "MaxPool" or "Pad" or "Relu" or "Clip";
}
