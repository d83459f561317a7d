namespace Headstart.Training.Heads;

/// <summary>A float32 tensor outside libtorch: for files.</summary>
/// <param name="Name">As in <see cref="Head.State"/>.</param>
/// <param name="Shape">Row-major.</param>
/// <param name="Values">As many as the shape says.</param>
internal sealed record NamedTensor(string Name, long[] Shape, float[] Values);
