using System.Globalization;
using Headstart.Models;

namespace Headstart.Trainer.FineTuning;

/// <summary>Which part of a base is tuned: what is computed from a tensor down to the layer that the head reads.</summary>
/// <param name="From">The tensor; null for the image, where everything is tuned.</param>
/// <param name="To">The head's layer.</param>
internal sealed record UnfrozenPart(string? From, string To)
{
    /// <summary>What <c>--unfreeze</c> says for everything.</summary>
    public const string All = "all";

    private const int MostShown = 9;

    /// <summary>Finds the part that the options mean.</summary>
    /// <param name="model">The base.</param>
    /// <param name="to">The head's layer.</param>
    /// <param name="unfreeze">A number of blocks, or <see cref="All"/>; null for one block, where no tensor is named.</param>
    /// <param name="unfreezeFrom">A tensor; null where blocks are counted.</param>
    /// <param name="cached">The layers that are at hand: where a tensor must be named, they are marked among those that can be.</param>
    /// <exception cref="CommandException">Both or neither can be meant: no such tensor, no blocks, or not so many.</exception>
    public static UnfrozenPart Of(ModelFile model, string to, string? unfreeze, string? unfreezeFrom, IReadOnlyCollection<string> cached)
    {
        if (unfreezeFrom is not null)
        {
            return unfreeze is null
                ? new UnfrozenPart(Tensor(model, to, unfreezeFrom), to)
                : throw CommandException.Usage("--unfreeze and --unfreeze-from both say what is tuned: give one of them.");
        }

        if (unfreeze == All)
            return new UnfrozenPart(null, to);
        if (VggArchitecture.All.FirstOrDefault(a => a.Name == model.Contract.Architecture) is not { } vgg)
        {
            throw new CommandException($"{model.Path} is no VGG (its architecture is '{model.Contract.Architecture}'), so its blocks are " +
                "not known. Name the tensor after " +
                $"which it is tuned, with --unfreeze-from, or tune everything with --unfreeze {All}. {Candidates(model, to, cached)}");
        }

        var last = vgg.ConvolutionsUpTo(to)[^1].Block;
        var blocks =
            unfreeze is null ? 1 : int.TryParse(unfreeze, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
        if (blocks < 1 || blocks > last)
            throw CommandException.Usage(
                $"--unfreeze {unfreeze}: the number of blocks is 1 to {last}, as {to} is in block {last}; or {All}.");
        return new UnfrozenPart(blocks == last ? null : VggArchitecture.PoolName(last - blocks), to);
    }

    /// <summary>Whether this part, and what may lie frozen before it, can be computed from a layer's features.</summary>
    /// <param name="model">The base.</param>
    /// <param name="layer">One of its layers.</param>
    public bool CanFollow(ModelFile model, string layer) =>
        From is not null && layer != To && OnnxGraph.CutBetween(model.Proto, [layer], [To]) is { } stretch
            && (layer == From || OnnxGraph.ComputedTensors(stretch.Graph).Contains(From, StringComparer.Ordinal));

    private static string? Tensor(ModelFile model, string to, string tensor)
    {
        var graph = OnnxGraph.CutTo(model.Proto, [to]).Graph;
        if (OnnxGraph.FedInputs(graph).Any(i => i.Name == tensor))
            return null;
        var computed = OnnxGraph.ComputedTensors(graph).Where(name => name != to).ToList();
        return computed.Contains(tensor, StringComparer.Ordinal) ? tensor : throw OnnxGraph.UnknownTensor(tensor, computed);
    }

    // A tensor inside a block that a shortcut leads around is no place to begin: no cached layer there would be enough.
    private static string Candidates(ModelFile model, string to, IReadOnlyCollection<string> cached)
    {
        var points = OnnxGraph.CutPoints(model.Proto.Graph, to);
        var shown = points.Where((name, i) => i >= points.Count - MostShown || cached.Contains(name))
            .Select(name => cached.Contains(name) ? $"{name} (cached)" : name).ToList();
        return shown.Count == 0
            ? $"Everything before {to} is in one block, so no tensor stands for all of it."
            : $"The last tensors that all of {to} follows from: {string.Join(", ", shown)}.";
    }
}
