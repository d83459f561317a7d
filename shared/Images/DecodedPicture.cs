using System.Security.Cryptography;

namespace Headstart.Images;

/// <summary>A picture file that was read, hashed and decoded.</summary>
/// <param name="Sha256">Of the file's bytes, lower-case hex.</param>
/// <param name="Pixels">As the decoder leaves them; they may lie in a buffer that the next picture overwrites.</param>
public readonly record struct DecodedPicture(string Sha256, RgbImage Pixels)
{
    /// <param name="file">Its path.</param>
    /// <param name="exif">Whether an EXIF orientation turns the picture.</param>
    /// <param name="share">Of the memory; to be held until nobody needs the pixels any more.</param>
    /// <param name="buffer">Where the pixels may go; null for an array of their own.</param>
    /// <param name="check">Given the digest before anything is decoded; throws where it is another file than was expected.</param>
    /// <exception cref="ImageRejectedException">The picture can't be used; the message is the reason.</exception>
    public static DecodedPicture Read(
        string file, ExifOrientation exif, DecodingMemory.Share share, PixelBuffer? buffer = null, Action<string>? check = null)
    {
        var bytes = ImageFile.ReadWhole(file, share);
        var sha256 = Convert.ToHexStringLower(SHA256.HashData(bytes));
        check?.Invoke(sha256);
        return new DecodedPicture(sha256, ImageDecoder.Decode(bytes, exif, share, buffer));
    }

    /// <summary>The digest alone, of a file that need not be a picture.</summary>
    /// <exception cref="ImageRejectedException">The file can't be read.</exception>
    public static string Digest(string file)
    {
        using var stream = ImageFile.Open(file);
        return ImageFile.Reading(() => Convert.ToHexStringLower(SHA256.HashData(stream)));
    }
}
