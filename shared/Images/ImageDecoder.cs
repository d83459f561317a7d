using System.Runtime.InteropServices;
using NetVips;

namespace Headstart.Images;

/// <summary>
/// The bytes of an image file to RGB pixels, equal to PIL's <c>Image.open(file).convert("RGB")</c>. The one file that knows NetVips.
/// </summary>
/// <remarks>
/// Safe to call from several threads at once; each call decodes on its caller's thread. docs/PARITY.md lists the rules and where they
/// differ from PIL's.
/// </remarks>
public static class ImageDecoder
{
    /// <summary>The largest picture that is decoded, in pixels: PIL's own limit. As RGB it takes 512 MiB.</summary>
    public const long MaxPixels = 178_956_970;

    /// <summary>
    /// The most memory that decoding one picture may take: enough for a progressive CMYK JPEG of <see cref="MaxPixels"/>.
    /// </summary>
    public const long MaxBytes = 5L << 29;

    // Strips stay below the size from which the garbage collector keeps objects for long.
    private const int StripBytes = 64 << 10;
    private const int StripRows = 32;

    /// <summary>libvips writes what it thinks of a file to standard error unless somebody listens.</summary>
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
    /// <param name="memory">Asked, once the header is read, for what the picture takes; kept by the caller until it is done with the
    /// pixels.</param>
    /// <param name="buffer">Where the pixels may go; they are then overwritten by the next picture. Without one, the array is exactly
    /// theirs.</param>
    /// <exception cref="ImageRejectedException">Not an image, damaged, truncated, or above <see cref="MaxPixels"/>.</exception>
    public static RgbImage Decode(
        ReadOnlyMemory<byte> file, ExifOrientation exif, DecodingMemory.Share? memory = null, PixelBuffer? buffer = null)
    {
        var format = file.IsEmpty ? throw new ImageRejectedException("the file is empty") : ImageSignature.Of(file.Span);
        var bytes = MemoryMarshal.TryGetArray(file, out var whole) && whole.Count == whole.Array!.Length ? whole.Array : file.ToArray();
        try
        {
            var (image, orientation) = format switch
            {
                ImageFormat.Jpeg => DecodeJpeg(bytes, memory, buffer),
                ImageFormat.Gif => new Decoded(GifDecoder.Decode(bytes, memory)),
                ImageFormat.Bmp => new Decoded(BmpDecoder.Decode(bytes, memory)),
                ImageFormat.Unknown => throw new ImageRejectedException("not a JPEG, PNG, GIF, WebP, TIFF or BMP file"),
                ImageFormat.Tiff => DecodeTiff(bytes, memory, buffer),
                _ => Read(bytes, format, Enums.FailOn.Error, memory, buffer),
            };
            // A TIFF's orientation is part of its format, and PIL honours it whether asked or not.
            return exif == ExifOrientation.Honour || format == ImageFormat.Tiff ? Orientation.Upright(image, orientation) : image;
        }
        catch (VipsException e)
        {
            // Not libvips' own words: its error buffer is shared by all threads, so they can be another file's.
            throw new ImageRejectedException($"damaged or truncated {format.ToString().ToUpperInvariant()} data", e);
        }
    }

    /// <summary>Rejects what can't be an image by its first bytes, so that the rest need not be read.</summary>
    /// <param name="start">At least the first 12 bytes, or the whole file.</param>
    /// <exception cref="ImageRejectedException">Not an image of a known kind.</exception>
    public static void CheckSignature(ReadOnlySpan<byte> start)
    {
        if (ImageSignature.Of(start) == ImageFormat.Unknown)
            throw new ImageRejectedException("not a JPEG, PNG, GIF, WebP, TIFF or BMP file");
    }

    /// <summary>
    /// Rejects a picture above <see cref="MaxPixels"/> or <see cref="MaxBytes"/>, from its header alone; waits for the memory to decode any
    /// other.
    /// </summary>
    /// <param name="bytesPerPixel">What decoding takes at most, the RGB pixels included.</param>
    internal static void Admit(long width, long height, int bytesPerPixel, DecodingMemory.Share? memory)
    {
        if (width * height > MaxPixels)
            throw new ImageRejectedException($"{width} x {height} pixels are more than the limit of {MaxPixels}");
        var bytes = width * height * bytesPerPixel;
        if (bytes > MaxBytes)
            throw new ImageRejectedException(
                $"{width} x {height} pixels of its kind take {bytes >> 20} MiB to decode, more than the limit of {MaxBytes >> 20} MiB");
        memory?.Take(bytes);
    }

    /// <summary>
    /// Damage that libjpeg only warns about is let through, as PIL does, unless the warning was that the data ran out: the rest of the
    /// picture is then plain gray, and PIL would hand that on.
    /// </summary>
    private static Decoded DecodeJpeg(byte[] bytes, DecodingMemory.Share? memory, PixelBuffer? buffer)
    {
        JpegMarkers.Check(bytes);
        try
        {
            return Read(bytes, ImageFormat.Jpeg, Enums.FailOn.Warning, memory, buffer);
        }
        catch (VipsException)
        {
            var damaged = Read(bytes, ImageFormat.Jpeg, Enums.FailOn.Truncated, memory, buffer);
            return EndsInGray(damaged.Image)
                ? throw new ImageRejectedException("damaged JPEG: the data ends before the picture does")
                : damaged;
        }
    }

    private static Decoded DecodeTiff(byte[] bytes, DecodingMemory.Share? memory, PixelBuffer? buffer)
    {
        TiffColour.Check(bytes);
        return Read(bytes, ImageFormat.Tiff, Enums.FailOn.Error, memory, buffer);
    }

    /// <summary>
    /// Whether the last 4 x 4 pixels have the value that blocks without data get: 128, or 64 in CMYK, where black ink of 128 is printed
    /// over it.
    /// </summary>
    private static bool EndsInGray(RgbImage image)
    {
        var level = image.Pixels[(image.Width * image.Height * 3) - 1];
        if (level is not (128 or 64))
            return false;
        for (var y = Math.Max(0, image.Height - 4); y < image.Height; y++)
        {
            var end = image.Pixels.AsSpan(y * image.Width * 3, image.Width * 3);
            if (end[^Math.Min(12, end.Length)..].ContainsAnyExcept(level))
                return false;
        }

        return true;
    }

    private static Decoded Read(byte[] bytes, ImageFormat format, Enums.FailOn failOn, DecodingMemory.Share? memory, PixelBuffer? buffer)
    {
        // Opening reads the header; pixels are decoded when they are asked for, top to bottom.
        const Enums.Access TopDown = Enums.Access.Sequential;
        using var image = format switch
        {
            ImageFormat.Jpeg => Image.JpegloadBuffer(bytes, access: TopDown, failOn: failOn),
            ImageFormat.Png => Image.PngloadBuffer(bytes, access: TopDown, failOn: failOn),
            ImageFormat.WebP => Image.WebploadBuffer(bytes, access: TopDown, failOn: failOn),
            ImageFormat.Tiff => Image.TiffloadBuffer(bytes, access: TopDown, failOn: failOn),
            _ => throw new ArgumentOutOfRangeException(nameof(format), format, "libvips does not read this format."),
        };
        Admit(image.Width, image.Height, BytesPerPixel(image, format), memory);
        if (image.Format is not (Enums.BandFormat.Uchar or Enums.BandFormat.Ushort))
        {
            throw new ImageRejectedException(
                $"{format.ToString().ToUpperInvariant()} samples that are not 8- or 16-bit whole numbers are not read");
        }

        var orientation = image.Contains("orientation") ? (int)image.Get("orientation") : 1;
        return new Decoded(new RgbImage(image.Width, image.Height, ReadRgb(image, buffer)), orientation);
    }

    /// <summary>
    /// What decoding takes for a pixel at most: the samples twice (a decoder keeps the whole picture where rows are not stored in order,
    /// libvips strips of it) and the RGB copy; for JPEG three times, because the coefficients of a progressive one are 16-bit numbers.
    /// </summary>
    private static int BytesPerPixel(Image image, ImageFormat format)
    {
        var sampleBytes = image.Format == Enums.BandFormat.Ushort ? 2 : 1;
        return (image.Bands * sampleBytes * (format == ImageFormat.Jpeg ? 3 : 2)) + 3;
    }

    /// <summary>Fetches strip after strip on this thread.</summary>
    /// <remarks>
    /// Asked for the whole picture, libvips hands its strips to a thread of its own and waits for each: that costs a quarter of the time,
    /// and memory for a second copy.
    /// </remarks>
    private static byte[] ReadRgb(Image image, PixelBuffer? buffer)
    {
        var (bands, wide, cmyk) = (image.Bands, image.Format == Enums.BandFormat.Ushort, image.Interpretation == Enums.Interpretation.Cmyk);
        var length = checked(image.Width * image.Height * 3);
        var pixels = buffer?.Take(length) ?? GC.AllocateUninitializedArray<byte>(length);
        var rowBytes = (long)image.Width * bands * (wide ? sizeof(ushort) : sizeof(byte));
        var rows = (int)Math.Clamp(StripBytes / rowBytes, 1, StripRows);
        using var region = Region.New(image);
        for (var y = 0; y < image.Height; y += rows)
        {
            rows = Math.Min(rows, image.Height - y);
            var samples = region.Fetch(0, y, image.Width, rows).AsSpan();
            var rgb = pixels.AsSpan(y * image.Width * 3, rows * image.Width * 3);
            if (wide)
                RasterToRgb.From(MemoryMarshal.Cast<byte, ushort>(samples), bands, rgb);
            else if (cmyk && bands >= 4)
                RasterToRgb.FromCmyk(samples, bands, rgb);
            else
                RasterToRgb.From(samples, bands, rgb);
        }

        return pixels;
    }

    /// <param name="Image">As stored.</param>
    /// <param name="Orientation">EXIF tag 274, 1 where there is none.</param>
    private readonly record struct Decoded(RgbImage Image, int Orientation = 1);
}
