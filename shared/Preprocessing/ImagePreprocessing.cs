using Headstart.Images;

namespace Headstart.Preprocessing;

/// <summary>
/// How an image becomes the network's input: the part of the contract that travels with the model, the cache and the export.
/// </summary>
/// <remarks>
/// Orientation, then resize, then crop, then for each channel <c>(pixel / DivideBy - Mean[c]) / Std[c]</c> in float32,
/// where <c>pixel</c> is 0..255 and <c>c</c> counts channels in <see cref="Channels"/> order. The result is
/// 3 x Size x Size, row-major.
/// </remarks>
public sealed record ImagePreprocessing
{
    /// <summary>The preset this came from (<c>keras</c>, <c>torchvision</c>, <c>mobilenet</c>), or <c>custom</c>.</summary>
    public required string Preset { get; init; }

    /// <summary>Height and width of the network's input, in pixels.</summary>
    public int Size { get; init; } = 224;

    public required ResizeMode Resize { get; init; }

    /// <summary>The short side after resizing, in pixels; only with <see cref="ResizeMode.ShortSide"/>.</summary>
    public int? ShortSide { get; init; }

    public required ResizeFilter Filter { get; init; }

    public required ChannelOrder Channels { get; init; }

    public required float DivideBy { get; init; }

    /// <summary>Three values, in <see cref="Channels"/> order, in units of <c>pixel / DivideBy</c>.</summary>
    public required IReadOnlyList<float> Mean { get; init; }

    /// <summary>Three values, in <see cref="Channels"/> order.</summary>
    public required IReadOnlyList<float> Std { get; init; }

    /// <summary>Whether an EXIF orientation turns the image first. Keras and torchvision ignore it.</summary>
    public ExifOrientation Exif { get; init; } = ExifOrientation.Ignore;

    /// <exception cref="CommandException">A value that no image could be preprocessed with; the message names the field.</exception>
    public void Validate()
    {
        if (Size is < 1 or > 4096)
            throw Invalid("size", Size, "from 1 to 4096");
        if (Resize == ResizeMode.ShortSide && (ShortSide is not { } side || side < Size || side > 8192))
            throw Invalid("shortSide", ShortSide, $"from size ({Size}) to 8192 when resize is 'short-side'");
        if (Resize == ResizeMode.Stretch && ShortSide is not null)
            throw Invalid("shortSide", ShortSide, "absent when resize is 'stretch'");
        if (!(DivideBy > 0) || !float.IsFinite(DivideBy))
            throw Invalid("divideBy", DivideBy, "finite and above 0");
        if (Mean.Count != 3 || !Mean.All(float.IsFinite))
            throw Invalid("mean", string.Join(", ", Mean), "three finite numbers");
        if (Std.Count != 3 || !Std.All(s => s > 0 && float.IsFinite(s)))
            throw Invalid("std", string.Join(", ", Std), "three finite numbers above 0");
    }

    private static CommandException Invalid(string field, object? found, string expected) =>
        new($"Preprocessing field '{field}' is '{found}'; it must be {expected}.");
}

public enum ResizeMode
{
    /// <summary>Width and height each to <see cref="ImagePreprocessing.Size"/>; the aspect ratio is lost.</summary>
    Stretch,

    /// <summary>The short side to <see cref="ImagePreprocessing.ShortSide"/>, then the centre crop.</summary>
    ShortSide,
}

public enum ResizeFilter
{
    /// <summary>Two by two pixels at half-pixel centres, no antialiasing, not rounded: TensorFlow's <c>tf.image.resize</c>.</summary>
    Bilinear,

    /// <summary>PIL's antialiased bilinear: fixed-point, rounded to whole grey levels after each of its two passes.</summary>
    BilinearAntialiased,
}

public enum ChannelOrder
{
    Rgb,
    Bgr,
}
