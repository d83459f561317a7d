namespace Headstart.Images;

/// <summary>
/// The last step of decoding: any number of 8- or 16-bit channels to 8-bit RGB, by the rules of PIL's <c>convert("RGB")</c>.
/// </summary>
/// <remarks>
/// Gray is repeated, alpha is dropped without blending, of 16 bits the upper 8 are kept (PIL does so for colour, and clips gray to white
/// instead, which destroys the picture: here gray is treated as colour is).
/// </remarks>
internal static class RasterToRgb
{
    /// <param name="samples">8-bit samples, <paramref name="bands"/> a pixel.</param>
    /// <param name="bands">1 gray, 2 gray and alpha, 3 RGB, 4 or more RGB and what is dropped.</param>
    /// <param name="rgb">Three bytes a pixel.</param>
    public static void From(ReadOnlySpan<byte> samples, int bands, Span<byte> rgb)
    {
        if (bands == 3)
        {
            samples.CopyTo(rgb);
            return;
        }

        var (green, blue) = bands < 3 ? (0, 0) : (1, 2);
        for (int from = 0, to = 0; to < rgb.Length; from += bands, to += 3)
        {
            rgb[to] = samples[from];
            rgb[to + 1] = samples[from + green];
            rgb[to + 2] = samples[from + blue];
        }
    }

    /// <inheritdoc cref="From(ReadOnlySpan{byte}, int, Span{byte})"/>
    public static void From(ReadOnlySpan<ushort> samples, int bands, Span<byte> rgb)
    {
        var (green, blue) = bands < 3 ? (0, 0) : (1, 2);
        for (int from = 0, to = 0; to < rgb.Length; from += bands, to += 3)
        {
            rgb[to] = (byte)(samples[from] >> 8);
            rgb[to + 1] = (byte)(samples[from + green] >> 8);
            rgb[to + 2] = (byte)(samples[from + blue] >> 8);
        }
    }

    /// <summary>Cyan, magenta, yellow and black as inks, without a colour profile, as PIL converts them.</summary>
    /// <param name="samples">8-bit samples, <paramref name="bands"/> a pixel; 0 is no ink (libvips has inverted what JPEG stores).</param>
    /// <param name="bands">4, or more where something is dropped.</param>
    /// <param name="rgb">Three bytes a pixel.</param>
    public static void FromCmyk(ReadOnlySpan<byte> samples, int bands, Span<byte> rgb)
    {
        for (int from = 0, to = 0; to < rgb.Length; from += bands, to += 3)
        {
            var paper = 255 - samples[from + 3];
            rgb[to] = Unprinted(samples[from], paper);
            rgb[to + 1] = Unprinted(samples[from + 1], paper);
            rgb[to + 2] = Unprinted(samples[from + 2], paper);
        }
    }

    /// <summary>paper - round(ink * paper / 255), the division in PIL's integer form.</summary>
    private static byte Unprinted(int ink, int paper)
    {
        var product = (ink * paper) + 128;
        return (byte)Math.Max(0, paper - (((product >> 8) + product) >> 8));
    }
}
