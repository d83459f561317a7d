using Headstart.Images;
using Headstart.Models;
using Headstart.Models.Onnx;

namespace Headstart.Extraction.Quantization;

/// <summary>What <c>--keep</c> would bring.</summary>
/// <param name="Name">A convolution or a block.</param>
/// <param name="RelativeError">Of the worst layer, on a few pictures, with the part in float32.</param>
/// <param name="Without">The same without.</param>
internal sealed record KeptPart(string Name, double RelativeError, double Without);

/// <summary>
/// Finds by trying which part of a network should stay in float32: the convolution with the largest error of its own need not be the one
/// that matters.
/// </summary>
internal static class KeepAdvice
{
    private const int Images = 8;
    private const int Count = 3;

    public static IReadOnlyList<KeptPart> Find(
        ModelFile model, QuantizationPlan plan, IReadOnlyDictionary<string, long[]> shapes, QuantizationOptions options,
        IReadOnlyDictionary<string, Grid> grids,
        IReadOnlyDictionary<string, IntegerConvolution> convolutions, PictureStream pictures, IReadOnlyList<ImageItem> items,
        Func<int, IProgress<int>> progress,
        CancellationToken cancellationToken)
    {
        string[] layers = [.. plan.Model.Graph.Output.Select(o => o.Name)];
        var candidates = Candidates(plan);
        var few = items.Take(Images).ToArray();
        var steps = progress((candidates.Count + 1) * few.Length);
        var without = Error(IntegerGraph.Write(plan, grids, convolutions));
        return
        [
            .. candidates.Select(name => new KeptPart(name, Error(Keep(name)), without))
                .Where(p => p.RelativeError < without).OrderBy(p => p.RelativeError).Take(Count),
        ];

        double Error(ModelProto integer) =>
            Fidelity.Measure(model, plan.Model, integer, layers, pictures, few, options.Threads, steps, cancellationToken).Values.Max(
                f => f.RelativeError);

        // With the grids as they are: a tensor that a part leaves to be a float has one already.
        ModelProto Keep(string name)
        {
            var kept = QuantizationPlan.Make(plan.Model, shapes, [.. options.Keep, name]);
            return IntegerGraph.Write(
                kept, kept.Roots.ToDictionary(r => r, r => grids[plan.Root(r)], StringComparer.Ordinal), convolutions);
        }
    }

    /// <summary>Each convolution, by the name that tells people most, and each block of several.</summary>
    private static List<string> Candidates(QuantizationPlan plan)
    {
        var names = plan.Convolutions.Keys.Select(NameOf).ToList();
        var blocks = names.Where(n => n.Contains('_', StringComparison.Ordinal)).GroupBy(n => n[..n.LastIndexOf('_')])
            .Where(g => g.Count() > 1 && g.Count() < names.Count).Select(g => g.Key);
        return [.. blocks.Concat(names).Where(plan.Names).Distinct()];
    }

    private static string NameOf(NodeProto conv)
    {
        const string Suffix = ".weight";
        return conv.Input[1].EndsWith(Suffix, StringComparison.Ordinal) ? conv.Input[1][..^Suffix.Length] : conv.Output[0];
    }
}
