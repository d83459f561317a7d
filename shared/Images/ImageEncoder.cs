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
        using var pixels = Image.NewFromMemoryCopy(image.Pixels, image.Width, image.Height, bands: 3, Enums.BandFormat.Uchar);
        using var rgb = pixels.Copy(interpretation: Enums.Interpretation.Srgb);
        return rgb.JpegsaveBuffer(q: quality, keep: Enums.ForeignKeep.None);
    }
}
