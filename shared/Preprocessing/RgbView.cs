using Headstart.Images;

namespace Headstart.Preprocessing;

/// <summary>
/// A rectangle of an 8-bit RGB image, seen in place: what a resize reads. Cropping before resizing is taking a smaller view.
/// </summary>
internal readonly ref struct RgbView
{
    private readonly ReadOnlySpan<byte> _pixels;
    private readonly int _stride;

    public RgbView(RgbImage image)
        : this(image, 0, 0, image.Width, image.Height)
    {
    }

    /// <exception cref="ArgumentException">An empty rectangle, one that reaches outside the image, or an image with too few
    /// bytes.</exception>
    public RgbView(RgbImage image, int left, int top, int width, int height)
    {
        if (width < 1 || height < 1 || left < 0 || top < 0 || left > image.Width - width || top > image.Height - height)
        {
            throw new ArgumentException(
                $"The rectangle {width} x {height} at ({left}, {top}) is not inside an image of {image.Width} x {image.Height}.");
        }

        var bytes = (long)image.Width * image.Height * 3;
        if (image.Pixels.LongLength < bytes)
            throw new ArgumentException(
                $"An image of {image.Width} x {image.Height} has {image.Pixels.LongLength} bytes instead of {bytes}.");
        _stride = image.Width * 3;
        _pixels = image.Pixels.AsSpan(0, (int)bytes)[((top * _stride) + (left * 3))..];
        Width = width;
        Height = height;
    }

    public int Width { get; }

    public int Height { get; }

    /// <summary>Row <paramref name="y"/> and whatever follows it in the image: 3 * Width bytes, more except at the image's end.</summary>
    public ReadOnlySpan<byte> From(int y) => _pixels[(y * _stride)..];
}
