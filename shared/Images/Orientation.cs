namespace Headstart.Images;

/// <summary>Turns an image as an EXIF orientation (tag 274) asks.</summary>
internal static class Orientation
{
    /// <param name="image">As stored in the file.</param>
    /// <param name="orientation">1 to 8 as in the EXIF standard; anything else counts as 1 (upright).</param>
    public static RgbImage Upright(RgbImage image, int orientation)
    {
        if (orientation is < 2 or > 8)
            return image;
        // Where the stored pixel (x, y) belongs: mirror each axis, then exchange them.
        var (mirrorX, mirrorY, exchange) = orientation switch
        {
            2 => (true, false, false),
            3 => (true, true, false),
            4 => (false, true, false),
            5 => (false, false, true),
            6 => (false, true, true),
            7 => (true, true, true),
            _ => (true, false, true),
        };
        var (width, height) = exchange ? (image.Height, image.Width) : (image.Width, image.Height);
        var upright = GC.AllocateUninitializedArray<byte>(image.Width * image.Height * 3);
        var from = image.Pixels.AsSpan();
        var to = 0;
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++, to += 3)
            {
                var (sx, sy) = exchange ? (y, x) : (x, y);
                if (mirrorX)
                    sx = image.Width - 1 - sx;
                if (mirrorY)
                    sy = image.Height - 1 - sy;
                from.Slice(((sy * image.Width) + sx) * 3, 3).CopyTo(upright.AsSpan(to));
            }
        }

        return new RgbImage(width, height, upright);
    }
}
