using TorchSharp.Modules;

namespace Headstart.Trainer.FineTuning;

/// <summary>A weight of the base that can be trained.</summary>
/// <param name="Name">That of the ONNX initialiser: <c>block5_conv1.weight</c>.</param>
/// <param name="Block">From 1, deeper blocks have higher numbers: for learning rates that fall with the depth. A VGG's own blocks;
/// elsewhere each layer with weights counts.</param>
/// <param name="Value">It asks for a gradient exactly while it is unfrozen.</param>
internal sealed record TailParameter(string Name, int Block, Parameter Value);
