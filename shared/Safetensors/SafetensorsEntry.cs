namespace Headstart.Safetensors;

/// <summary>One tensor as the header of a safetensors file names it.</summary>
/// <param name="Type">Such as <c>F32</c>.</param>
/// <param name="Shape">Row-major.</param>
/// <param name="Begin">In bytes, from the end of the header.</param>
/// <param name="Length">In bytes.</param>
public sealed record SafetensorsEntry(string Type, IReadOnlyList<long> Shape, long Begin, long Length);
