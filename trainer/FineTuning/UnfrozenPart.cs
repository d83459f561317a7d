using System.Globalization;
using Headstart.CommandLine;
using Headstart.Models;

namespace Headstart.Training.FineTuning;

/// <summary>Which part of a base is tuned: what is computed from a tensor down to the layer that the head reads.</summary>
/// <param name="From">The tensor; null for the image, where everything is tuned.</param>
/// <param name="To">The head's layer.</param>
internal sealed record UnfrozenPart(string? From, string To)
{
    /// <summary>What <c>--unfreeze</c> says for everything.</summary>
    public const string All = "all";

    /// <summary>Finds the part that the options mean.</summary>
    /// <param name="model">The base.</param>
    /// <param name="to">The head's layer.</param>
    /// <param name="unfreeze">A number of blocks, or <see cref="All"/>; null for one block, where no tensor is named.</param>
    /// <param name="unfreezeFrom">A tensor; null where blocks are counted.</param>
    /// <exception cref="CommandException">Both or neither can be meant: no such tensor, no blocks, or not so many.</exception>
    public static UnfrozenPart Of(ModelFile model, string to, string? unfreeze, string? unfreezeFrom)
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
            throw new CommandException($"{model.Path} is no VGG (its architecture is '{model.Contract.Architecture}'), so its blocks are not known. Name the tensor after " +
                $"which it is tuned, with --unfreeze-from, or tune everything with --unfreeze {All}. The last tensors before {to}: {LastTensors(model, to)}.");
        }

        var last = vgg.ConvolutionsUpTo(to)[^1].Block;
        var blocks = unfreeze is null ? 1 : int.TryParse(unfreeze, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
        if (blocks < 1 || blocks > last)
            throw CommandException.Usage($"--unfreeze {unfreeze}: the number of blocks is 1 to {last}, as {to} is in block {last}; or {All}.");
        return new UnfrozenPart(blocks == last ? null : VggArchitecture.PoolName(last - blocks), to);
    }

    /// <summary>The deepest of some layers that is not inside this part: where the features are cached, only this part is left to compute.</summary>
    /// <param name="model">The base.</param>
    /// <param name="layers">Shallow first.</param>
    /// <returns>Null where none will do.</returns>
    public string? PrefixAmong(ModelFile model, IEnumerable<ModelLayer> layers) => From is null
        ? null
        : layers.Select(l => l.Name).LastOrDefault(layer => layer != To && OnnxGraph.CutBetween(model.Proto, [layer], [To]) is { } stretch
            && (layer == From || OnnxGraph.ComputedTensors(stretch.Graph).Contains(From, StringComparer.Ordinal)));

    private static string? Tensor(ModelFile model, string to, string tensor)
    {
        var graph = OnnxGraph.CutTo(model.Proto, [to]).Graph;
        if (OnnxGraph.FedInputs(graph).Any(i => i.Name == tensor))
            return null;
        var computed = OnnxGraph.ComputedTensors(graph).Where(name => name != to).ToList();
        return computed.Contains(tensor, StringComparer.Ordinal) ? tensor : throw OnnxGraph.UnknownTensor(tensor, computed);
    }

    private static string LastTensors(ModelFile model, string to) =>
        string.Join(", ", OnnxGraph.ComputedTensors(OnnxGraph.CutTo(model.Proto, [to]).Graph).Where(name => name != to).TakeLast(9));
}
