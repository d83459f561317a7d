namespace Headstart.Safetensors;

/// <summary>A float32 tensor outside of any library: for files.</summary>
/// <param name="Name">Unique in its file.</param>
/// <param name="Shape">Row-major.</param>
/// <param name="Values">As many as the shape says.</param>
public sealed record NamedTensor(string Name, long[] Shape, float[] Values);
