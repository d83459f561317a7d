using Headstart.Models;
using static TorchSharp.torch;

namespace Headstart.Trainer.Audit;

/// <summary>Makes a layer's features small enough to keep those of every image, so that what is alike before stays alike.</summary>
/// <remarks>
/// Where in the picture a feature lies is kept, on a grid of at most 7 x 7 cells; the channels of a cell are projected onto 128 random
/// directions of signs (Achlioptas 2003), which keeps angles. A vector layer, and one with few channels, stays as it is.
/// </remarks>
internal sealed class FeatureSketch : IDisposable
{
    private const int MostCells = 7;
    private const int MostChannels = 128;
    private readonly Tensor? _directions;

    /// <param name="layer">Of which features.</param>
    /// <param name="seed">Decides the directions.</param>
    public FeatureSketch(LayerShape layer, long seed)
    {
        Height = Math.Min(layer.Height, MostCells);
        Width = Math.Min(layer.Width, MostCells);
        if ((Height == 1 && Width == 1) || layer.Channels <= MostChannels)
        {
            Channels = layer.Channels;
            return;
        }

        Channels = MostChannels;
        var random = new SeededRandom(seed, "audit sketch");
        var scale = (float)(1 / Math.Sqrt(MostChannels));
        var signs = new float[MostChannels * layer.Channels];
        for (var i = 0; i < signs.Length; i++)
            signs[i] = random.NextBits() >> 63 == 0 ? scale : -scale;
        _directions = tensor(signs, [MostChannels, layer.Channels]).DetachFromDisposeScope();
    }

    /// <summary>Of a sketch; at most 128, or as many as a vector layer has.</summary>
    public int Channels { get; }

    /// <summary>Of the grid.</summary>
    public int Height { get; }

    /// <summary>Of the grid.</summary>
    public int Width { get; }

    /// <param name="features">[n, c, h, w] of the layer.</param>
    /// <returns>[n, <see cref="Channels"/>, <see cref="Height"/>, <see cref="Width"/>]; belongs to the caller's scope.</returns>
    public Tensor Of(Tensor features)
    {
        var cells = nn.functional.adaptive_avg_pool2d(features, [Height, Width]);
        return _directions is null ? cells : _directions.matmul(cells.flatten(2)).view(features.shape[0], Channels, Height, Width);
    }

    public void Dispose() => _directions?.Dispose();
}
