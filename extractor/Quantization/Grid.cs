namespace Headstart.Extraction.Quantization;

/// <summary>How a tensor's values stand as bytes: <c>value = Scale * Channels[c] * (byte - ZeroPoint)</c>.</summary>
/// <param name="Scale">Above 0.</param>
/// <param name="ZeroPoint">The byte that stands for 0, which every grid can say exactly.</param>
/// <param name="Channels">A factor for each channel, or null where all are 1. Convolutions take them up in their weights, so that they cost
/// nothing.</param>
internal sealed record Grid(float Scale, byte ZeroPoint, float[]? Channels = null)
{
    /// <summary>The step of one channel.</summary>
    public float Step(int channel) => Channels is null ? Scale : Scale * Channels[channel];

    /// <summary>The grid from <paramref name="low"/> to <paramref name="high"/>, widened to hold 0.</summary>
    public static Grid Over(double low, double high, float[]? channels = null)
    {
        low = Math.Min(low, 0);
        high = Math.Max(high, 0);
        var scale = (float)((high - low) / 255);

        // A tensor of zeros: any scale will do.
        return scale > 0 && float.IsNormal(scale)
            ? new Grid(scale, (byte)Math.Clamp(Math.Round(-low / scale), 0, 255), channels)
            : new Grid(1, 0, channels);
    }
}
