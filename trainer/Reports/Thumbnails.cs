using Headstart.Images;

namespace Headstart.Trainer.Reports;

/// <summary>Small pictures for a page, as data addresses, from a folder that may not be there.</summary>
/// <param name="folder">What the paths are relative to; null where nobody knows.</param>
internal sealed class Thumbnails(string? folder)
{
    private const int Longest = 192;
    private const int Quality = 75;

    /// <returns>Null where there is no such picture, or none that can be read.</returns>
    public string? AddressOf(string path)
    {
        if (folder is null)
            return null;
        try
        {
            using var share = new DecodingMemory().Open();
            var image = DecodedPicture.Read(Path.Combine(folder, path), ExifOrientation.Honour, share).Pixels;
            return "data:image/jpeg;base64," + Convert.ToBase64String(ImageEncoder.Jpeg(ImageEncoder.Shrink(image, Longest), Quality));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ImageRejectedException or ArgumentException)
        {
            return null;
        }
    }
}
