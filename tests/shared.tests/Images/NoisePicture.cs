using Headstart.Images;

namespace Headstart.Tests.Images;

/// <summary>Seeded noise, the same as make_resize_goldens.py makes: the upper bytes of a 64-bit linear congruential generator.</summary>
internal static class NoisePicture
{
    public static RgbImage Make(int width, int height, ulong seed)
    {
        var pixels = new byte[width * height * 3];
        for (var i = 0; i < pixels.Length; i++)
        {
            seed = unchecked((seed * 6364136223846793005) + 1442695040888963407);
            pixels[i] = (byte)(seed >> 56);
        }

        return new RgbImage(width, height, pixels);
    }

    /// <summary>A file of the given format (a NetVips suffix with options) that holds such noise.</summary>
    public static byte[] File(int width, int height, ulong seed, string suffix)
    {
        using var image = NetVips.Image.NewFromMemory(Make(width, height, seed).Pixels, width, height, 3, NetVips.Enums.BandFormat.Uchar);
        using var rgb = image.Copy(interpretation: NetVips.Enums.Interpretation.Srgb);
        return rgb.WriteToBuffer(suffix);
    }
}
