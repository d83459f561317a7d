using Headstart.Models;

namespace Headstart.Extraction.Import;

/// <summary>A kernel in a weight file, seen as one of an architecture's.</summary>
/// <param name="Tensor">Its name in the file.</param>
/// <param name="Shape">As the file has it.</param>
/// <param name="Convolution">Null where the architecture has none of that name or position.</param>
/// <param name="Expected">The shape that the architecture gives it, in the file's own order of dimensions.</param>
internal sealed record FoundKernel(string Tensor, IReadOnlyList<long> Shape, VggConvolution? Convolution, IReadOnlyList<long> Expected);

/// <summary>How a weight file and an architecture go together.</summary>
/// <param name="Architecture">Which.</param>
/// <param name="Has">Its convolutions whose kernels are in the file.</param>
/// <param name="Contradiction">A clause that says why the file can't be this architecture's, nor the upper part of it; null where it
/// can.</param>
/// <param name="NameOf">The name that a convolution's kernel has, or would have, in the file.</param>
internal sealed record VggFit(
    VggArchitecture Architecture, IReadOnlySet<VggConvolution> Has, string? Contradiction, Func<VggConvolution, string> NameOf)
{
    /// <summary>The deepest pool above which nothing is missing.</summary>
    public string? Reach => Architecture.Convolutions.GroupBy(c => c.Block).TakeWhile(block => block.All(Has.Contains))
        .Select(block => VggArchitecture.PoolName(block.Key)).LastOrDefault();

    /// <summary>Whether no block is there in part.</summary>
    public bool IsWhole =>
        Architecture.Convolutions.GroupBy(c => c.Block).All(block => block.All(Has.Contains) || !block.Any(Has.Contains));

    /// <param name="kernels">All of the file that belong to its convolutional part.</param>
    /// <param name="stray">A clause about something among them that no VGG has; null where there is nothing.</param>
    public static VggFit Of(
        VggArchitecture architecture, IReadOnlyCollection<FoundKernel> kernels, string? stray, Func<VggConvolution, string> nameOf)
    {
        var has = kernels.Select(k => k.Convolution).OfType<VggConvolution>().ToHashSet();
        return new VggFit(architecture, has, stray ?? Contradict(architecture, kernels, has, nameOf), nameOf);
    }

    private static string? Contradict(
        VggArchitecture architecture, IReadOnlyCollection<FoundKernel> kernels, HashSet<VggConvolution> has,
        Func<VggConvolution, string> nameOf)
    {
        if (kernels.FirstOrDefault(k => k.Convolution is null) is { } unknown)
            return $"it has '{unknown.Tensor}', which is no convolution of {architecture.Name}";
        if (kernels.FirstOrDefault(k => !k.Shape.SequenceEqual(k.Expected)) is { } wrong)
        {
            return $"'{wrong.Tensor}' has shape [{string.Join(", ", wrong.Shape)}], but layer {wrong.Convolution!.Name} of " +
                $"{architecture.Name} " +
                $"needs [{string.Join(", ", wrong.Expected)}]";
        }

        // A file may end at any depth, but not begin below the top or leave one out.
        var missing = architecture.Convolutions.FirstOrDefault(c => !has.Contains(c));
        var below = missing is null ? null : architecture.Convolutions.SkipWhile(c => c != missing).FirstOrDefault(has.Contains);
        return below is null ? null : $"it has '{nameOf(below)}', but lacks '{nameOf(missing!)}', the weights of layer {missing!.Name} " +
            $"of {architecture.Name}, before it";
    }
}
