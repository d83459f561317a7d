using NetVips;

namespace Headstart.Images;

/// <summary>Turns pixels into the bytes of an image file.</summary>
public static class ImageEncoder
{
    /// <summary>A baseline JPEG without metadata.</summary>
    /// <param name="image">8-bit RGB.</param>
    /// <param name="quality">1 to 100, as libjpeg counts.</param>
    public static byte[] Jpeg(RgbImage image, int quality)
    {
        using var rgb = ToVips(image);
        return rgb.JpegsaveBuffer(q: quality, keep: Enums.ForeignKeep.None);
    }

    /// <summary>The same picture, no longer than this on either side; for people to look at, not for networks.</summary>
    public static RgbImage Shrink(RgbImage image, int longest)
    {
        if (Math.Max(image.Width, image.Height) <= longest)
            return image;
        using var rgb = ToVips(image);
        using var small = rgb.ThumbnailImage(longest, height: longest, size: Enums.Size.Down);
        return new RgbImage(small.Width, small.Height, small.WriteToMemory<byte>());
    }

    private static Image ToVips(RgbImage image)
    {
        using var pixels = Image.NewFromMemoryCopy(image.Pixels, image.Width, image.Height, bands: 3, Enums.BandFormat.Uchar);
        return pixels.Copy(interpretation: Enums.Interpretation.Srgb);
    }
}
