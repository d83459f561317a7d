namespace Headstart.Images;

/// <summary>The kinds of file that are decoded.</summary>
internal enum ImageFormat
{
    Unknown,
    Jpeg,
    Png,
    Gif,
    WebP,
    Tiff,
    Bmp,
}

/// <summary>What a file is, as its first bytes say; its name is never asked.</summary>
internal static class ImageSignature
{
    public static ImageFormat Of(ReadOnlySpan<byte> file)
    {
        if (file.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF]))
            return ImageFormat.Jpeg;
        if (file.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A]))
            return ImageFormat.Png;
        if (file.StartsWith("GIF87a"u8) || file.StartsWith("GIF89a"u8))
            return ImageFormat.Gif;
        if (file.Length >= 12 && file.StartsWith("RIFF"u8) && file[8..].StartsWith("WEBP"u8))
            return ImageFormat.WebP;
        if (file.StartsWith("II*\0"u8) || file.StartsWith("MM\0*"u8))
            return ImageFormat.Tiff;
        if (file.StartsWith("BM"u8))
            return ImageFormat.Bmp;
        return ImageFormat.Unknown;
    }
}
