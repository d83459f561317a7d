namespace Headstart.Extraction.Quantization;

/// <summary>From what calibration saw to a grid for every root of a plan.</summary>
internal static class GridSelection
{
    public static Dictionary<string, Grid> Choose(QuantizationPlan plan, Calibration calibration, QuantizationOptions options, int limit)
    {
        var outputs = plan.Model.Graph.Output.Select(o => o.Name).Concat(plan.FloatNodes.SelectMany(n => n.Input)).Where(plan.IsInteger)
            .Select(plan.Root).ToHashSet(StringComparer.Ordinal);
        var readers = plan.Convolutions.ToLookup(c => plan.Root(c.Key.Input[0]), c => c.Value, StringComparer.Ordinal);
        var grids = new Dictionary<string, Grid>(StringComparer.Ordinal);
        foreach (var (roots, isUniform) in plan.Groups)
        {
            var tensors = roots.ToDictionary(r => r, r => Describe(calibration.Of(r), outputs.Contains(r)), StringComparer.Ordinal);
            var factors = isUniform || !options.Balance
                ? null
                : ChannelBalance.Choose(
                    [.. tensors.Values], [.. tensors.SelectMany(t => readers[t.Key].Select(c => (t.Value, c)))], options.Range, limit);
            foreach (var (root, tensor) in tensors)
                grids[root] = RangeChoice.Choose(tensor.Channels, factors, options.Range);
        }

        return grids;
    }

    private static BalancedTensor Describe(ChannelHistograms histograms, bool isLayer) =>
        new([.. Enumerable.Range(0, histograms.Channels).Select(histograms.Distribution)], histograms.MeanSquares, isLayer);
}
