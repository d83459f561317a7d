using Headstart.Models;

namespace Headstart.Extraction.Import;

/// <summary>What to tell a user whose weights have the right kernels, but are damaged otherwise.</summary>
internal static class VggWeights
{
    /// <param name="path">The weight file.</param>
    /// <param name="architecture">What was to be built.</param>
    /// <param name="convolution">The layer that lacks a tensor.</param>
    /// <param name="tensor">The tensor's name in the file.</param>
    public static CommandException Missing(string path, VggArchitecture architecture, VggConvolution convolution, string tensor) =>
        new($"{path} lacks '{tensor}', the weights of layer {convolution.Name} of {architecture.Name}. Fetch the weights again.");

    /// <inheritdoc cref="Missing"/>
    public static CommandException WrongShape(
        string path, VggArchitecture architecture, VggConvolution convolution, string tensor, ReadOnlySpan<long> expected,
        IEnumerable<long> found) =>
        new($"{path}: '{tensor}' has shape [{string.Join(", ", found)}], but layer {convolution.Name} of {architecture.Name} needs " +
            $"[{string.Join(", ", expected.ToArray())}]. Fetch the weights again.");
}
