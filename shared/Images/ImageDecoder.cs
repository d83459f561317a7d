using System.Runtime.InteropServices;
using Headstart.Preprocessing;
using NetVips;

namespace Headstart.Images;

/// <summary>The bytes of an image file to RGB pixels, equal to PIL's <c>Image.open(file).convert("RGB")</c>. The one file that knows NetVips.</summary>
/// <remarks>
/// Safe to call from several threads at once; each call decodes on its caller's thread. docs/PARITY.md lists the rules and where they differ from PIL's.
/// </remarks>
public static class ImageDecoder
{
    /// <summary>The largest picture that is decoded, in pixels: PIL's limit (twice a quarter of a GiB at 3 bytes a pixel). As RGB it takes 512 MiB.</summary>
    public const long MaxPixels = 178_956_970;

    /// <summary>libvips reports what it thinks of a file on standard error unless somebody listens.</summary>
    private static readonly Log.LogDelegate Silent = static (_, _, _) => { };

    static ImageDecoder()
    {
        global::NetVips.NetVips.Concurrency = 1;
        global::NetVips.Cache.Max = 0;
        Log.SetLogHandler("VIPS", Enums.LogLevelFlags.Warning | Enums.LogLevelFlags.Info | Enums.LogLevelFlags.Message, Silent);
    }

    /// <summary>Decodes one file; of an animation or a document, the first frame or page.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="exif">Whether an EXIF orientation turns the picture.</param>
    /// <exception cref="ImageRejectedException">Not an image, damaged, truncated, or above <see cref="MaxPixels"/>.</exception>
    public static RgbImage Decode(ReadOnlyMemory<byte> file, ExifOrientation exif)
    {
        if (file.IsEmpty)
            throw new ImageRejectedException("the file is empty");
        var format = ImageSignature.Of(file.Span);
        var bytes = MemoryMarshal.TryGetArray(file, out var segment) && segment.Offset == 0 && segment.Count == segment.Array!.Length
            ? segment.Array
            : file.ToArray();
        if (format == ImageFormat.Unknown)
            throw new ImageRejectedException("not a JPEG, PNG, GIF, WebP, TIFF or BMP file");
        if (format == ImageFormat.Bmp)
            return BmpDecoder.Decode(bytes);
        try
        {
            using var image = Open(bytes, format);
            CheckSize(image.Width, image.Height);
            var rgb = new RgbImage(image.Width, image.Height, ReadRgb(image, format));
            return exif == ExifOrientation.Honour && image.Contains("orientation")
                ? Orientation.Upright(rgb, (int)image.Get("orientation"))
                : rgb;
        }
        catch (VipsException e)
        {
            throw new ImageRejectedException($"damaged or truncated {format} data", e);
        }
    }

    internal static void CheckSize(int width, int height)
    {
        if ((long)width * height > MaxPixels)
            throw new ImageRejectedException($"{width} x {height} pixels are more than the limit of {MaxPixels}");
    }

    /// <summary>Reads the header; pixels follow when they are asked for, top to bottom.</summary>
    private static Image Open(byte[] bytes, ImageFormat format) => format switch
    {
        // JPEG damage that libjpeg only warns about is let through, as PIL does; missing data is not.
        ImageFormat.Jpeg => Image.JpegloadBuffer(bytes, access: Enums.Access.Sequential, failOn: Enums.FailOn.Truncated),
        ImageFormat.Png => Image.PngloadBuffer(bytes, access: Enums.Access.Sequential, failOn: Enums.FailOn.Error),
        ImageFormat.Gif => Image.GifloadBuffer(bytes, access: Enums.Access.Sequential, failOn: Enums.FailOn.Error),
        ImageFormat.WebP => Image.WebploadBuffer(bytes, access: Enums.Access.Sequential, failOn: Enums.FailOn.Error),
        ImageFormat.Tiff => Image.TiffloadBuffer(bytes, access: Enums.Access.Sequential, failOn: Enums.FailOn.Error),
        _ => throw new ArgumentOutOfRangeException(nameof(format), format, "libvips does not read this format"),
    };

    private static byte[] ReadRgb(Image image, ImageFormat format)
    {
        if (image.Format is not (Enums.BandFormat.Uchar or Enums.BandFormat.Ushort))
            throw new ImageRejectedException($"{format} samples of type {image.Format} are not read");
        var bands = image.Bands;
        var wide = image.Format == Enums.BandFormat.Ushort;
        var cmyk = image.Interpretation == Enums.Interpretation.Cmyk;
        var data = image.WriteToMemory(out var size);
        try
        {
            unsafe
            {
                var samples = new ReadOnlySpan<byte>((void*)data, checked((int)size));
                if (cmyk)
                    return RasterToRgb.FromCmyk(samples, bands, inverted: false);
                return wide ? RasterToRgb.From(MemoryMarshal.Cast<byte, ushort>(samples), bands) : RasterToRgb.From(samples, bands);
            }
        }
        finally
        {
            global::NetVips.NetVips.Free(data);
        }
    }
}
