using System.Globalization;
using System.Text.RegularExpressions;
using Headstart.Models;

namespace Headstart.Extraction.Import;

/// <summary>
/// How torchvision and timm name a VGG's tensors: by position in <c>features</c>, counting ReLUs, pools and batch norms too.
/// </summary>
/// <param name="Prefix">What stands before <c>features.</c>, such as <c>module.</c> after data-parallel training.</param>
/// <param name="BatchNorm">Whether batch norms follow the convolutions.</param>
/// <param name="Positions">Where in <c>features</c> the file has convolutions.</param>
internal sealed partial record VggTensorNames(string Prefix, bool BatchNorm, IReadOnlySet<int> Positions)
{
    /// <summary>Such as <c>features.0</c>, to which <c>.weight</c> is added.</summary>
    public string Convolution(VggArchitecture architecture, VggConvolution convolution) =>
        $"{Prefix}features.{Position(architecture, convolution)}";

    /// <summary>Such as <c>features.1</c>, to which <c>.running_mean</c> is added.</summary>
    public string Norm(VggArchitecture architecture, VggConvolution convolution) =>
        $"{Prefix}features.{Position(architecture, convolution) + 1}";

    /// <summary>The file as one of an architecture's.</summary>
    /// <param name="shapes">All tensors of the file.</param>
    public VggFit FitOf(VggArchitecture architecture, IReadOnlyDictionary<string, IReadOnlyList<long>> shapes)
    {
        var byPosition = architecture.Convolutions.ToDictionary(c => Position(architecture, c));
        var kernels = Positions.Order().Select(position =>
        {
            var tensor = $"{Prefix}features.{position}.weight";
            var convolution = byPosition.GetValueOrDefault(position);
            return new FoundKernel(
                tensor, shapes[tensor], convolution, convolution is null ? [] : [convolution.OutChannels, convolution.InChannels, 3, 3]);
        });

        // Such as SqueezeNet's features.3.squeeze.weight: its first convolution has a VGG's name and shape.
        var stray = shapes.Where(
            t => t.Value.Count == 4 && t.Key.StartsWith($"{Prefix}features.", StringComparison.Ordinal) && !FeatureWeight().IsMatch(t.Key))
            .Select(t => t.Key).Order(StringComparer.Ordinal).FirstOrDefault();
        return VggFit.Of(
            architecture, [.. kernels], stray is null ? null : $"it has '{stray}', which is no VGG's",
            c => $"{Convolution(architecture, c)}.weight");
    }

    /// <param name="path">For messages.</param>
    /// <param name="shapes">All tensors of the file.</param>
    /// <exception cref="CommandException">No tensor is named so; the message shows some of those that are there.</exception>
    public static VggTensorNames Find(string path, IReadOnlyDictionary<string, IReadOnlyList<long>> shapes)
    {
        var kernels = shapes.Where(t => t.Value.Count == 4).Select(t => FeatureWeight().Match(t.Key)).Where(m => m.Success).ToArray();
        if (kernels.Length == 0)
        {
            throw new CommandException($"{path} has no tensors named as torchvision and timm name a VGG's (features.0.weight). It has " +
                $"{string.Join(", ", shapes.Keys.Order(StringComparer.Ordinal).Take(4))}{(shapes.Count > 4 ? ", ..." : "")}.");
        }

        var prefix = kernels.Select(m => m.Groups["prefix"].Value).MinBy(p => p.Length)!;
        var positions = kernels.Where(m => m.Groups["prefix"].Value == prefix)
            .Select(m => int.Parse(m.Groups["position"].ValueSpan, CultureInfo.InvariantCulture)).ToHashSet();
        var hasBatchNorm = positions.Any(p => shapes.ContainsKey($"{prefix}features.{p + 1}.running_mean"));
        return new VggTensorNames(prefix, hasBatchNorm, positions);
    }

    private int Position(VggArchitecture architecture, VggConvolution convolution)
    {
        var before = architecture.Convolutions.TakeWhile(c => c != convolution).Count();
        return (before * (BatchNorm ? 3 : 2)) + (convolution.Block - 1);
    }

    [GeneratedRegex(@"^(?<prefix>(.*\.)?)features\.(?<position>\d{1,4})\.weight$")]
    private static partial Regex FeatureWeight();
}
