using StbImageSharp;

namespace Headstart.Images;

/// <summary>BMP, which libvips as packaged does not read. The one file that knows StbImageSharp.</summary>
internal static class BmpDecoder
{
    public static RgbImage Decode(byte[] file)
    {
        try
        {
            using var stream = new MemoryStream(file, writable: false);
            var info = ImageInfo.FromStream(stream) ?? throw new ImageRejectedException("damaged BMP header");
            ImageDecoder.CheckSize(info.Width, info.Height);
            stream.Position = 0;
            var image = ImageResult.FromStream(stream, ColorComponents.RedGreenBlue);
            return new RgbImage(image.Width, image.Height, image.Data);
        }
        catch (Exception e) when (e is not ImageRejectedException)
        {
            throw new ImageRejectedException("damaged BMP data, or a kind of BMP that is not read", e);
        }
    }
}
