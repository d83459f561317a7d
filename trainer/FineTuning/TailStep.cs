using Headstart.Models.Onnx;
using static TorchSharp.torch;

namespace Headstart.Trainer.FineTuning;

/// <summary>A node of a rebuilt network that was just computed.</summary>
/// <param name="Node">It, in the graph.</param>
/// <param name="Convolution">What computes it, where it is one.</param>
/// <param name="Inputs">Its computed inputs.</param>
/// <param name="Output">What came out.</param>
internal sealed record TailStep(NodeProto Node, TailConvolution? Convolution, IReadOnlyList<Tensor> Inputs, Tensor Output)
{
    public string Name => Node.Output[0];
}
