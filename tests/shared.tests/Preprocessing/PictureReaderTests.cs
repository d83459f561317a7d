using System.Security.Cryptography;
using Headstart.Images;
using Headstart.Preprocessing;
using Headstart.Tests.Images;

namespace Headstart.Tests.Preprocessing;

public sealed class PictureReaderTests : IDisposable
{
    private static readonly ImagePreprocessing Preprocessing = Presets.Mobilenet with { Size = 8 };
    private static readonly Augmentation Augmentation = new() { Seed = 3 };

    private readonly TemporaryFolder _folder = new();
    private readonly DecodingMemory _memory = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void A_picture_is_prepared_as_its_decoded_pixels_are_whatever_was_read_before(int view)
    {
        var (large, small) = (Write("large.png", 40, 30), Write("small.png", 17, 11));
        var bytes = File.ReadAllBytes(small);
        var sha256 = Convert.ToHexStringLower(SHA256.HashData(bytes));
        var pixels = ImageDecoder.Decode(bytes, Preprocessing.Exif);
        var preprocessor = new ImagePreprocessor(Preprocessing);
        var expected = new float[preprocessor.Length];
        if (view == 0)
            preprocessor.Apply(pixels, expected);
        else
            preprocessor.Apply(pixels, ImageView.Draw(Augmentation, sha256, view, 17, 11), expected);

        var reader = new PictureReader(Preprocessing, Augmentation);
        using var share = _memory.Open();
        reader.Read(large, share);
        var picture = reader.Read(small, share);
        var prepared = new float[expected.Length];
        reader.Prepare(picture, view, prepared);

        Assert.Equal((sha256, 17, 11), (picture.Sha256, picture.Pixels.Width, picture.Pixels.Height));
        Assert.Equal(sha256, DecodedPicture.Digest(small));
        Assert.Equal(expected, prepared);
    }

    [Fact]
    public void A_file_that_is_not_the_one_expected_is_refused_before_it_is_decoded()
    {
        var file = Write("cut.png", 40, 30);
        File.WriteAllBytes(file, File.ReadAllBytes(file)[..60]);
        using var share = _memory.Open();

        Assert.Throws<ImageRejectedException>(() => new PictureReader(Preprocessing).Read(file, share));
        Assert.Throws<InvalidOperationException>(() => new PictureReader(Preprocessing).Read(file, share, Refuse));

        static void Refuse(string sha256) => throw new InvalidOperationException(sha256);
    }

    private string Write(string name, int width, int height)
    {
        var file = _folder.File(name);
        int[] samples = [.. Enumerable.Range(0, width * height * 3).Select(i => i * 7 % 256)];
        File.WriteAllBytes(file, PngFile.Write(width, height, PngFile.Rgb, 8, samples));
        return file;
    }
}
