using Headstart.Images;

namespace Headstart.Trainer.Export;

/// <summary>The pictures that an exported model is tried on: real ones where they can be read, otherwise drawn from a seed.</summary>
/// <param name="Pictures">Decoded as they are asked for, so that few are in memory at a time.</param>
/// <param name="AreSeeded">Whether they are drawn.</param>
/// <param name="Origin">What they are, for people, to be read after their number: <c>images of /data/cats-dogs</c>.</param>
internal sealed record CheckPictures(IEnumerable<RgbImage> Pictures, bool AreSeeded, string Origin)
{
    private const int MostImages = 16;
    private const int SeededPictures = 8;

    /// <param name="images">The picture set that the user named, or null.</param>
    /// <param name="recorded">The folder that the cache's contract names, or null.</param>
    /// <param name="exif">Whether an EXIF orientation turns them.</param>
    /// <exception cref="CommandException">There is no image to read in what the user named.</exception>
    public static CheckPictures Find(string? images, string? recorded, ExifOrientation exif)
    {
        if (images is not null)
        {
            return Of(images, exif)
                ?? throw new CommandException(
                    $"None of the images in {images} that were tried can be decoded. Name others with --images, or leave it out.");
        }

        if (recorded is null)
            return Seeded("the run's cache doesn't say where its images are");
        try
        {
            return Of(recorded, exif) ?? Seeded($"no image in {recorded} can be decoded");
        }
        catch (CommandException)
        {
            return Seeded($"the images in {recorded} can't be read");
        }
    }

    /// <summary>Pictures of several sizes: slanted waves with noise.</summary>
    private static CheckPictures Seeded(string why) => new(
        Enumerable.Range(0, SeededPictures).Select(Draw), AreSeeded: true, $"pictures drawn from a seed ({why}; --images DIR names some)");

    private static CheckPictures? Of(string images, ExifOrientation exif)
    {
        var set = ImageSet.Open(images);

        // Spread over the set, so that every class has its turn.
        var step = Math.Max(1.0, (double)set.Items.Count / MostImages);
        var chosen = Enumerable.Range(0, Math.Min(set.Items.Count, MostImages)).Select(i => set.Items[(int)(i * step)].File).ToList();
        var decoded = chosen.Select(file => TryDecode(file, exif)).OfType<RgbImage>();
        return decoded.Any() ? new CheckPictures(decoded, AreSeeded: false, $"images of {images}") : null;
    }

    private static RgbImage? TryDecode(string file, ExifOrientation exif)
    {
        try
        {
            using var share = new DecodingMemory().Open();
            return DecodedPicture.Read(file, exif, share).Pixels;
        }
        catch (ImageRejectedException)
        {
            return null;
        }
    }

    private static RgbImage Draw(int number)
    {
        var random = new SeededRandom(number, "export check");
        var (width, height) = (96 + random.NextBelow(320), 96 + random.NextBelow(320));
        var pixels = new byte[width * height * 3];
        for (var c = 0; c < 3; c++)
        {
            var (across, down) = (1 + random.NextBelow(9), 1 + random.NextBelow(9));
            for (var y = 0; y < height; y++)
            {
                for (var x = 0; x < width; x++)
                {
                    var phase = ((across * x) + (down * y)) % 448;
                    pixels[(((y * width) + x) * 3) + c] = (byte)((phase < 224 ? phase : 447 - phase) + random.NextBelow(32));
                }
            }
        }

        return new RgbImage(width, height, pixels);
    }
}
