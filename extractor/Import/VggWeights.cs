using Headstart.CommandLine;
using Headstart.Models;

namespace Headstart.Extraction.Import;

/// <summary>What to tell a user whose weights don't make the VGG that was asked for.</summary>
internal static class VggWeights
{
    /// <param name="path">The weight file.</param>
    /// <param name="architecture">What was to be built.</param>
    /// <param name="convolution">The layer that lacks a tensor.</param>
    /// <param name="tensor">The tensor's name in the file.</param>
    /// <param name="has">The convolutions whose kernels the file has, to say how deep it reaches.</param>
    public static CommandException Missing(
        string path, VggArchitecture architecture, VggConvolution convolution, string tensor, IReadOnlySet<VggConvolution> has)
    {
        var reach = has.Contains(convolution) ? null : VggRecognition.Reach(architecture, has);
        var mend = reach is null ? "Check --arch, or fetch the weights again." : $"It reaches down to {reach}: pass --layer {reach}, or fetch the whole weights.";
        return new CommandException($"{path} lacks '{tensor}', the weights of layer {convolution.Name} of {architecture.Name}. {mend}");
    }

    /// <inheritdoc cref="Missing"/>
    public static CommandException WrongShape(
        string path, VggArchitecture architecture, VggConvolution convolution, string tensor, ReadOnlySpan<long> expected, IEnumerable<long> found) =>
        new($"{path}: '{tensor}' has shape [{string.Join(", ", found)}], but layer {convolution.Name} of {architecture.Name} needs " +
            $"[{string.Join(", ", expected.ToArray())}]. Check --arch, or fetch the weights again.");
}
