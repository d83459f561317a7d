namespace Headstart.Models;

/// <summary>One 3x3 convolution of a VGG, with Keras' name for it.</summary>
/// <param name="Block">From 1.</param>
/// <param name="Index">Within the block, from 1.</param>
/// <param name="InChannels">3 for the first, otherwise those of the layer before.</param>
/// <param name="OutChannels">The number of 3x3 kernels, and of biases.</param>
public sealed record VggConvolution(int Block, int Index, int InChannels, int OutChannels)
{
    /// <summary>Also the name of the layer's output, after the ReLU, as in Keras.</summary>
    public string Name => $"block{Block}_conv{Index}";
}

/// <summary>The convolutional part of a VGG: blocks of 3x3 convolutions with ReLU, each closed by a 2x2 max pooling.</summary>
/// <param name="Name">Such as <c>vgg16</c>.</param>
/// <param name="Blocks">The number of convolutions and of their output channels, a block each.</param>
/// <remarks>Configurations A, B, D and E of Simonyan and Zisserman, https://arxiv.org/abs/1409.1556, table 1.</remarks>
public sealed record VggArchitecture(string Name, IReadOnlyList<(int Convolutions, int Channels)> Blocks)
{
    public static VggArchitecture Vgg11 { get; } = new("vgg11", [(1, 64), (1, 128), (2, 256), (2, 512), (2, 512)]);

    public static VggArchitecture Vgg13 { get; } = new("vgg13", [(2, 64), (2, 128), (2, 256), (2, 512), (2, 512)]);

    public static VggArchitecture Vgg16 { get; } = new("vgg16", [(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)]);

    public static VggArchitecture Vgg19 { get; } = new("vgg19", [(2, 64), (2, 128), (4, 256), (4, 512), (4, 512)]);

    /// <summary>The published ones, smallest first.</summary>
    public static IReadOnlyList<VggArchitecture> All { get; } = [Vgg11, Vgg13, Vgg16, Vgg19];

    /// <exception cref="CommandException">No architecture of that name; the message lists those that are.</exception>
    public static VggArchitecture Named(string name) => All.FirstOrDefault(a => a.Name == name)
        ?? throw CommandException.Usage($"No architecture '{name}'. Pass --arch {string.Join(", ", All.Select(a => a.Name))}.");

    /// <summary>Shallow first.</summary>
    public IReadOnlyList<VggConvolution> Convolutions { get; } = List(Blocks);

    /// <summary><c>block1_pool</c> and so on: what a user caches unless told otherwise.</summary>
    public IReadOnlyList<string> PoolNames => [.. Enumerable.Range(1, Blocks.Count).Select(PoolName)];

    /// <summary>The names of all layers, shallow first: each block's convolutions, then its pool.</summary>
    public IReadOnlyList<string> LayerNames =>
        [.. Convolutions.GroupBy(c => c.Block).SelectMany(block => block.Select(c => c.Name).Append(PoolName(block.Key)))];

    /// <summary>The convolutions that <paramref name="layer"/> needs, itself included, shallow first.</summary>
    /// <exception cref="CommandException">No such layer; the message lists the nearest names.</exception>
    public IReadOnlyList<VggConvolution> ConvolutionsUpTo(string layer)
    {
        var names = LayerNames.ToList();
        var last = names.IndexOf(layer);
        if (last < 0)
            throw CommandException.Usage(
                $"{Name} has no layer '{layer}'. The nearest names: {string.Join(", ", NearestNames.To(layer, names))}.");
        var needed = names.Take(last + 1).ToHashSet(StringComparer.Ordinal);
        return [.. Convolutions.Where(c => needed.Contains(c.Name))];
    }

    public static string PoolName(int block) => $"block{block}_pool";

    private static List<VggConvolution> List(IReadOnlyList<(int Convolutions, int Channels)> blocks)
    {
        var list = new List<VggConvolution>();
        var channels = 3;
        for (var block = 1; block <= blocks.Count; block++)
        {
            for (var index = 1; index <= blocks[block - 1].Convolutions; index++)
            {
                list.Add(new VggConvolution(block, index, channels, blocks[block - 1].Channels));
                channels = blocks[block - 1].Channels;
            }
        }

        return list;
    }
}
