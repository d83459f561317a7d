namespace Headstart.Preprocessing;

/// <summary>One axis of a resize: how long it becomes, and which stretch of the result is wanted.</summary>
/// <param name="Source">Length before, in pixels.</param>
/// <param name="Target">Length after. It may be huge for extreme aspect ratios, so only what is wanted is ever computed.</param>
/// <param name="Start">The first wanted pixel of the result.</param>
/// <param name="Count">How many are wanted.</param>
internal readonly record struct ResizeAxis(int Source, long Target, long Start, int Count);

/// <summary>The two axes of a resize and the crop that follows it.</summary>
internal readonly record struct ResizeGeometry(ResizeAxis X, ResizeAxis Y)
{
    /// <remarks>
    /// The short side as in torchvision's <c>Resize(n)</c>: the long side is <c>int(n * long / short)</c>, cut, not rounded. The crop
    /// as in its <c>CenterCrop</c>: Python's <c>round</c>, which sends halves to the even neighbour.
    /// </remarks>
    public static ResizeGeometry For(ImagePreprocessing preprocessing, int width, int height)
    {
        var size = preprocessing.Size;
        if (preprocessing.Resize == ResizeMode.Stretch)
            return new ResizeGeometry(new ResizeAxis(width, size, 0, size), new ResizeAxis(height, size, 0, size));

        long side = preprocessing.ShortSide
            ?? throw new ArgumentException("A short-side resize without a short side.", nameof(preprocessing));
        var longSide = (long)((double)(side * Math.Max(width, height)) / Math.Min(width, height));
        var (newWidth, newHeight) = width <= height ? (side, longSide) : (longSide, side);
        return new ResizeGeometry(Centre(width, newWidth, size), Centre(height, newHeight, size));
    }

    private static ResizeAxis Centre(int source, long target, int size) =>
        new(source, target, (long)Math.Round((target - size) / 2.0, MidpointRounding.ToEven), size);
}
