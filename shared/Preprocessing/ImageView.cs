namespace Headstart.Preprocessing;

/// <summary>One augmented view of an image, with every choice made.</summary>
/// <param name="Left">The crop, in pixels of the decoded image.</param>
/// <param name="Top">Likewise.</param>
/// <param name="Width">Likewise.</param>
/// <param name="Height">Likewise.</param>
/// <param name="Flip">Whether it is mirrored left to right.</param>
/// <param name="Colours">Changes of colour with their factors, in the order in which they are made.</param>
public sealed record ImageView(
    int Left, int Top, int Width, int Height, bool Flip, IReadOnlyList<(ColourChange Change, float Factor)> Colours)
{
    private const int Attempts = 10;

    /// <summary>Draws a view.</summary>
    /// <param name="augmentation">From what.</param>
    /// <param name="imageSha256">Of the image file's bytes, lower-case hex.</param>
    /// <param name="view">The view's number, from 1.</param>
    /// <param name="width">Of the decoded image, in pixels.</param>
    /// <param name="height">Likewise.</param>
    public static ImageView Draw(Augmentation augmentation, string imageSha256, int view, int width, int height)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(view, 1);
        var draws = new ViewDraws(augmentation.Seed, imageSha256, view);
        var (left, top, cropWidth, cropHeight) = DrawCrop(augmentation, draws, width, height);
        var flip = draws.Next() < augmentation.Flip;
        (ColourChange Change, float Factor)[] colours =
        [
            (ColourChange.Brightness, Factor(augmentation.Brightness)),
            (ColourChange.Contrast, Factor(augmentation.Contrast)),
            (ColourChange.Saturation, Factor(augmentation.Saturation)),
        ];
        for (var i = colours.Length - 1; i > 0; i--)
        {
            var j = draws.Below(i + 1);
            (colours[i], colours[j]) = (colours[j], colours[i]);
        }

        return new ImageView(left, top, cropWidth, cropHeight, flip, colours);

        float Factor(double spread) => (float)draws.Between(1 - spread, 1 + spread);
    }

    /// <remarks>
    /// As torchvision's RandomResizedCrop.get_params: ten attempts at an area and an aspect, then the largest central crop of a permitted
    /// aspect.
    /// </remarks>
    private static (int Left, int Top, int Width, int Height) DrawCrop(Augmentation augmentation, ViewDraws draws, int width, int height)
    {
        var logAspect = Math.Log(augmentation.MaximumAspect);
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var area = (double)width * height * draws.Between(augmentation.MinimumArea, 1);
            var aspect = Math.Exp(draws.Between(-logAspect, logAspect));

            // Both round halves to the even neighbour, Python and .NET. A drawn side may exceed an int where the image is a thread.
            var (w, h) = (Math.Round(Math.Sqrt(area * aspect)), Math.Round(Math.Sqrt(area / aspect)));
            if (w > 0 && w <= width && h > 0 && h <= height)
            {
                var top = draws.Below(height - (int)h + 1);
                return (draws.Below(width - (int)w + 1), top, (int)w, (int)h);
            }
        }

        var (cropWidth, cropHeight) = (width, height);
        if ((double)width / height < 1 / augmentation.MaximumAspect)
            cropHeight = (int)Math.Round(width * augmentation.MaximumAspect);
        else if ((double)width / height > augmentation.MaximumAspect)
            cropWidth = (int)Math.Round(height * augmentation.MaximumAspect);
        return ((width - cropWidth) / 2, (height - cropHeight) / 2, cropWidth, cropHeight);
    }
}

/// <summary>A change of colour by a factor f, which leaves everything as it is where f is 1.</summary>
public enum ColourChange
{
    /// <summary>f times the pixel.</summary>
    Brightness,

    /// <summary>f times the pixel, the rest the image's mean grey.</summary>
    Contrast,

    /// <summary>f times the pixel, the rest the pixel's own grey.</summary>
    Saturation,
}
