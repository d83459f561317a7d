using System.Numerics;
using System.Runtime.InteropServices;
using Headstart.Images;

namespace Headstart.Preprocessing;

/// <summary>Makes the network's input from decoded images: resize, crop, normalise.</summary>
/// <remarks>Keeps its buffers from image to image, so it serves one thread at a time; every worker has its own.</remarks>
public sealed class ImagePreprocessor
{
    private readonly ImagePreprocessing _preprocessing;
    private readonly BilinearResizer? _bilinear;
    private readonly PillowResizer? _antialiased;

    /// <exception cref="CommandException">A contract that no image could be preprocessed with.</exception>
    public ImagePreprocessor(ImagePreprocessing preprocessing)
    {
        preprocessing.Validate();
        _preprocessing = preprocessing;
        if (preprocessing.Filter == ResizeFilter.Bilinear)
            _bilinear = new BilinearResizer();
        else
            _antialiased = new PillowResizer();
    }

    /// <summary>Floats that <see cref="Apply(RgbImage, Span{float})"/> writes: 3 * Size * Size.</summary>
    public int Length => 3 * _preprocessing.Size * _preprocessing.Size;

    /// <summary>Writes one normalised image in C x H x W order.</summary>
    /// <param name="image">As decoded; <see cref="ImagePreprocessing.Exif"/> was the decoder's affair.</param>
    /// <param name="chw">Destination of exactly 3 * Size * Size floats; the caller owns it.</param>
    /// <exception cref="ArgumentException">Another length, or an image whose bytes don't fit its size; the message gives both.</exception>
    public void Apply(RgbImage image, Span<float> chw) =>
        Apply(new RgbView(image), ResizeGeometry.For(_preprocessing, image.Width, image.Height), null, chw);

    /// <summary>Writes one augmented and normalised view of an image in C x H x W order.</summary>
    /// <param name="image">As decoded.</param>
    /// <param name="view">Its crop lies in the image, and is resized to Size x Size with the contract's filter.</param>
    /// <param name="chw">Destination of exactly 3 * Size * Size floats; the caller owns it.</param>
    /// <exception cref="ArgumentException">Another length, or a crop that reaches outside the image; the message gives both.</exception>
    public void Apply(RgbImage image, ImageView view, Span<float> chw)
    {
        var size = _preprocessing.Size;
        var geometry = new ResizeGeometry(new ResizeAxis(view.Width, size, 0, size), new ResizeAxis(view.Height, size, 0, size));
        Apply(new RgbView(image, view.Left, view.Top, view.Width, view.Height), geometry, view, chw);
    }

    private void Apply(RgbView pixels, ResizeGeometry geometry, ImageView? view, Span<float> chw)
    {
        if (chw.Length != Length)
            throw new ArgumentException($"The destination has {chw.Length} floats instead of {Length}.", nameof(chw));
        var plane = Length / 3;
        var isRgb = _preprocessing.Channels == ChannelOrder.Rgb;
        var red = chw.Slice(isRgb ? 0 : 2 * plane, plane);
        var green = chw.Slice(plane, plane);
        var blue = chw.Slice(isRgb ? 2 * plane : 0, plane);
        _bilinear?.Resize(pixels, geometry, red, green, blue);
        _antialiased?.Resize(pixels, geometry, red, green, blue);
        if (view is { Flip: true })
        {
            for (var row = 0; row < chw.Length; row += _preprocessing.Size)
                chw.Slice(row, _preprocessing.Size).Reverse();
        }

        foreach (var (change, factor) in view?.Colours ?? [])
            ColourJitter.Apply(change, factor, red, green, blue);
        for (var c = 0; c < 3; c++)
            Normalise(chw.Slice(c * plane, plane), _preprocessing.DivideBy, _preprocessing.Mean[c], _preprocessing.Std[c]);
    }

    /// <remarks>Three operations in this order, each rounded to float32, as torchvision's to_tensor and normalize do.</remarks>
    private static void Normalise(Span<float> plane, float divideBy, float mean, float std)
    {
        var vectors = MemoryMarshal.Cast<float, Vector<float>>(plane);
        var (divideByAll, meanAll, stdAll) = (new Vector<float>(divideBy), new Vector<float>(mean), new Vector<float>(std));
        for (var i = 0; i < vectors.Length; i++)
            vectors[i] = ((vectors[i] / divideByAll) - meanAll) / stdAll;
        for (var i = vectors.Length * Vector<float>.Count; i < plane.Length; i++)
            plane[i] = ((plane[i] / divideBy) - mean) / std;
    }
}
