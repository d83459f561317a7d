using Headstart.Models;

namespace Headstart.Extraction.Import;

/// <summary>Tells which VGG a weight file holds. The file's names and shapes decide; what a user says must agree with them.</summary>
internal static class VggRecognition
{
    /// <param name="fitOf">Sees the file as one of an architecture's.</param>
    /// <returns>
    /// An architecture whose convolutions down to the deepest layer asked for are all there, and what the user should hear.
    /// </returns>
    /// <exception cref="CommandException">No VGG fits, several do, or another than the one that the user named.</exception>
    public static (VggArchitecture Architecture, List<string> Notes) Choose(ImportOptions options, Func<VggArchitecture, VggFit> fitOf)
    {
        VggFit[] all = [.. VggArchitecture.All.Select(fitOf)];
        VggFit[] possible = [.. all.Where(f => f.Contradiction is null && f.Has.Count > 0)];
        if (options.Architecture is not null)
            return Agree(options, all.Single(f => f.Architecture == VggArchitecture.Named(options.Architecture)), possible);

        var fits = possible.Where(f => Missing(f, options.Layers) is null).ToArray();

        // Files end where blocks end, more often than within one.
        if (fits.Where(f => f.IsWhole).ToArray() is { Length: > 0 } whole)
            fits = whole;
        return fits switch
        {
            [var only] => (only.Architecture, [$"The tensors' names and shapes say that it is {only.Architecture.Name}."]),
            { Length: > 1 } => throw CommandException.Usage($"{options.Weights} could be {Names(fits)}. Say which with --arch."),
            _ when possible.Length > 0 => throw NotDeepEnough(options, possible),
            _ => throw NoVgg(options.Weights, all),
        };
    }

    private static (VggArchitecture Architecture, List<string> Notes) Agree(ImportOptions options, VggFit named, VggFit[] possible)
    {
        foreach (var layer in options.Layers)
            named.Architecture.ConvolutionsUpTo(layer); // Throws, with the near names.
        var name = named.Architecture.Name;
        var others = possible.Where(f => f.Architecture.Name != name && f.IsWhole).ToArray();
        if (named.Contradiction is { } contradiction)
        {
            if (others.Length == 0)
                others = possible;
            throw others.Length > 0
                ? CommandException.Usage($"{options.Weights}: {contradiction}. Its tensors are those of {Names(others)}: " +
                    $"{(others.Length == 1 ? $"pass --arch {others[0].Architecture.Name}, or leave --arch out" : "check --arch")}.")
                : new CommandException(
                    $"{options.Weights}: {contradiction}. Its tensors are those of no VGG that Headstart knows: fetch the weights again.");
        }

        if (Missing(named, options.Layers) is { } missing)
        {
            // Where the file ends within a block of this architecture, but with one of another, it is the other's.
            var what = $"{options.Weights} lacks '{named.NameOf(missing)}', the weights of layer {missing.Name} of {name}.";
            throw named.Has.Count > 0 && !named.IsWhole && others.Length > 0
                ? CommandException.Usage($"{what} Its tensors are those of {Names(others)} down to {others[0].Reach}: check --arch.")
                : new CommandException($"{what} {Mend(named)}");
        }

        return named.IsWhole || others.Length == 0
            ? (named.Architecture, [])
            : (named.Architecture, [$"The file ends within a block of {name}, but where one of {Names(others)} ends: check --arch if you " +
                "are not sure of it."]);
    }

    private static VggConvolution? Missing(VggFit fit, IReadOnlyCollection<string> layers)
    {
        var architecture = fit.Architecture;
        var needed = layers.Count == 0 || !layers.All(architecture.LayerNames.Contains)
            ? architecture.Convolutions
            : architecture.ConvolutionsUpTo(architecture.LayerNames.Last(layers.Contains));
        return needed.FirstOrDefault(c => !fit.Has.Contains(c));
    }

    private static CommandException NotDeepEnough(ImportOptions options, VggFit[] possible)
    {
        foreach (var unknown in options.Layers.Where(l => !possible.Any(p => p.Architecture.LayerNames.Contains(l))))
        {
            var architecture = possible[^1].Architecture;
            return CommandException.Usage($"{architecture.Name} has no layer '{unknown}'. The nearest names: " +
                $"{string.Join(", ", NearestNames.To(unknown, architecture.LayerNames))}.");
        }

        var best = possible.FirstOrDefault(f => f.IsWhole) ?? possible.MaxBy(f => f.Has.Count)!;
        return new CommandException(best.Reach is null
            ? $"{options.Weights} holds only {best.Has.Count} of the convolutions of {Names(possible)}, and no whole block. Fetch the " +
                "weights again."
            : $"{options.Weights} holds only a part of {Names(possible)}. {Mend(best)}");
    }

    private static string Mend(VggFit fit) => fit.Reach is { } reach
        ? $"It reaches down to {reach}: pass --layer {reach}, or fetch the whole weights."
        : "Check --arch, or fetch the weights again.";

    private static CommandException NoVgg(string path, VggFit[] all)
    {
        var nearest = all.MaxBy(f => f.Has.Count)!;
        return new CommandException(
            $"{path} holds no VGG that Headstart knows ({Names(all)}): {nearest.Contradiction ?? "it has none of their convolutions"}.");
    }

    private static string Names(IEnumerable<VggFit> fits) => string.Join(" or ", fits.Select(f => f.Architecture.Name));
}
