using TorchSharp.Modules;

namespace Headstart.Training.FineTuning;

/// <summary>A weight of the base that can be trained.</summary>
/// <param name="Name">That of the ONNX initialiser: <c>block5_conv1.weight</c>.</param>
/// <param name="Block">From 1; for learning rates that fall with the depth.</param>
/// <param name="Value">It asks for a gradient exactly while its block is unfrozen.</param>
internal sealed record VggParameter(string Name, int Block, Parameter Value);
