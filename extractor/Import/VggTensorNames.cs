using System.Text.RegularExpressions;
using Headstart.CommandLine;
using Headstart.Models;

namespace Headstart.Extraction.Import;

/// <summary>How torchvision and timm name a VGG's tensors: by position in <c>features</c>, counting ReLUs, pools and batch norms too.</summary>
/// <param name="Prefix">What stands before <c>features.</c>, such as <c>module.</c> after data-parallel training.</param>
/// <param name="BatchNorm">Whether a batch norm follows each convolution.</param>
internal sealed partial record VggTensorNames(string Prefix, bool BatchNorm)
{
    /// <summary>Such as <c>features.0</c>, to which <c>.weight</c> is added.</summary>
    public string Convolution(VggArchitecture architecture, VggConvolution convolution) => $"{Prefix}features.{Position(architecture, convolution)}";

    /// <summary>Such as <c>features.1</c>, to which <c>.running_mean</c> is added.</summary>
    public string Norm(VggArchitecture architecture, VggConvolution convolution) => $"{Prefix}features.{Position(architecture, convolution) + 1}";

    /// <summary>Finds the naming, and the architecture where it isn't given.</summary>
    /// <param name="path">For messages.</param>
    /// <param name="shapes">All tensors of the file.</param>
    /// <param name="asked">What the user named, or null.</param>
    /// <param name="layers">The layers asked for; empty for all of them.</param>
    /// <exception cref="CommandException">No VGG, or several that the file could be.</exception>
    public static (VggTensorNames Names, VggArchitecture Architecture) Recognise(
        string path, IReadOnlyDictionary<string, IReadOnlyList<long>> shapes, VggArchitecture? asked, IReadOnlyCollection<string> layers)
    {
        var matches = shapes.Select(t => (t.Value, Match: FeatureWeight().Match(t.Key))).Where(t => t.Match.Success).ToArray();
        var prefix = matches.Where(t => t.Value.Count == 4).Select(t => t.Match.Groups["prefix"].Value).OrderBy(p => p.Length).FirstOrDefault()
            ?? throw new CommandException($"{path} has no tensors named as torchvision or timm name a VGG's (features.0.weight). It has " +
                $"{string.Join(", ", shapes.Keys.Order(StringComparer.Ordinal).Take(4))}{(shapes.Count > 4 ? ", ..." : "")}.");
        var positions = matches.Where(t => t.Value.Count == 4 && t.Match.Groups["prefix"].Value == prefix)
            .Select(t => int.Parse(t.Match.Groups["position"].ValueSpan)).ToHashSet();
        var names = new VggTensorNames(prefix, shapes.ContainsKey($"{prefix}features.1.running_mean") || shapes.ContainsKey($"{prefix}features.1.weight"));
        if (asked is not null)
            return (names, asked);

        var fits = VggArchitecture.All.Where(a => names.Fits(a, positions, layers)).ToArray();
        return fits switch
        {
            [var only] => (names, only),
            [] when layers.Count == 0 && VggArchitecture.All.Any(a => names.Fits(a, positions, [a.LayerNames[0]])) =>
                throw new CommandException($"{path} holds only a part of a VGG ({positions.Count} convolutions). Name the deepest layer wanted, such as --layer block3_pool."),
            [] => throw new CommandException($"{path} holds no VGG that has the layers asked for (convolutions at features.{string.Join(", ", positions.Order())}). " +
                $"Say which it is with --arch {string.Join(", ", VggArchitecture.All.Select(a => a.Name))}, to hear what is missing."),
            _ => throw CommandException.Usage($"{path} could be {string.Join(" or ", fits.Select(a => a.Name))}. Say which with --arch."),
        };
    }

    private bool Fits(VggArchitecture architecture, HashSet<int> positions, IReadOnlyCollection<string> layers)
    {
        var all = architecture.Convolutions.Select(c => Position(architecture, c)).ToHashSet();
        if (!positions.IsSubsetOf(all))
            return false;
        var needed = layers.Count == 0
            ? architecture.Convolutions
            : layers.SelectMany(l => architecture.LayerNames.Contains(l) ? architecture.ConvolutionsUpTo(l) : architecture.Convolutions);
        return needed.All(c => positions.Contains(Position(architecture, c)));
    }

    private int Position(VggArchitecture architecture, VggConvolution convolution)
    {
        var before = architecture.Convolutions.TakeWhile(c => c != convolution).Count();
        return (before * (BatchNorm ? 3 : 2)) + (convolution.Block - 1);
    }

    [GeneratedRegex(@"^(?<prefix>(.*\.)?)features\.(?<position>\d{1,4})\.weight$")]
    private static partial Regex FeatureWeight();
}
