using Headstart.CommandLine;
using Headstart.Models;

namespace Headstart.Extraction.Import;

/// <summary>Tells which VGG a weight file holds.</summary>
internal static class VggRecognition
{
    /// <param name="path">For messages.</param>
    /// <param name="layers">The layers asked for; empty for all of them.</param>
    /// <param name="convolutionsOf">The file's convolutions, seen as those of an architecture; null when it has one that the architecture lacks.</param>
    /// <exception cref="CommandException">No VGG fits, or several do.</exception>
    public static VggArchitecture Choose(
        string path, IReadOnlyCollection<string> layers, Func<VggArchitecture, IReadOnlySet<VggConvolution>?> convolutionsOf)
    {
        var possible = VggArchitecture.All.Select(a => (Architecture: a, Has: convolutionsOf(a)))
            .Where(p => p.Has is { Count: > 0 }).Select(p => (p.Architecture, Has: p.Has!)).ToArray();
        var fits = possible.Where(p => Needed(p.Architecture, layers).All(p.Has.Contains)).Select(p => p.Architecture).ToArray();
        return fits switch
        {
            [var only] => only,
            { Length: > 1 } => throw CommandException.Usage($"{path} could be {string.Join(" or ", fits.Select(a => a.Name))}. Say which with --arch."),
            _ when possible.Length > 0 => throw NotDeepEnough(path, layers, possible),
            _ => throw new CommandException($"{path} holds no VGG that Headstart knows. If it is one, say which with --arch " +
                $"{string.Join(", ", VggArchitecture.All.Select(a => a.Name))} to hear what is missing."),
        };
    }

    private static IReadOnlyList<VggConvolution> Needed(VggArchitecture architecture, IReadOnlyCollection<string> layers) =>
        layers.Count == 0 || !layers.All(architecture.LayerNames.Contains)
            ? architecture.Convolutions
            : architecture.ConvolutionsUpTo(architecture.LayerNames.Last(layers.Contains));

    private static CommandException NotDeepEnough(
        string path, IReadOnlyCollection<string> layers, IReadOnlyList<(VggArchitecture Architecture, IReadOnlySet<VggConvolution> Has)> possible)
    {
        foreach (var unknown in layers.Where(l => !possible.Any(p => p.Architecture.LayerNames.Contains(l))))
            return Unknown(possible[^1].Architecture, unknown);
        var (best, has) = possible.MaxBy(p => p.Architecture.Convolutions.TakeWhile(p.Has.Contains).Count());
        var reach = Reach(best, has);
        var names = string.Join(" or ", possible.Select(p => p.Architecture.Name));
        return new CommandException(reach is null
            ? $"{path} holds only {has.Count} of the convolutions of {names}, and no whole block. Fetch the weights again."
            : $"{path} holds only a part of {names}. It reaches down to {reach}: pass --layer {reach}, or fetch the whole weights.");
    }

    private static CommandException Unknown(VggArchitecture architecture, string layer) => CommandException.Usage(
        $"{architecture.Name} has no layer '{layer}'. The nearest names: {string.Join(", ", NearestNames.To(layer, architecture.LayerNames))}.");

    /// <summary>The deepest pool above which nothing is missing.</summary>
    public static string? Reach(VggArchitecture architecture, IReadOnlySet<VggConvolution> has) =>
        architecture.Convolutions.GroupBy(c => c.Block).TakeWhile(block => block.All(has.Contains))
            .Select(block => VggArchitecture.PoolName(block.Key)).LastOrDefault();
}
