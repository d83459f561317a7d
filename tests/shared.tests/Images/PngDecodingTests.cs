using CsCheck;
using Headstart.Images;

namespace Headstart.Tests.Images;

/// <summary>
/// Every colour type and depth of PNG, against what the PNG specification and PIL's convert("RGB") say about its samples.
/// </summary>
public sealed class PngDecodingTests
{
    [Theory]
    [InlineData(PngFile.Gray, 1)]
    [InlineData(PngFile.Gray, 2)]
    [InlineData(PngFile.Gray, 4)]
    [InlineData(PngFile.Gray, 8)]
    [InlineData(PngFile.Gray, 16)]
    [InlineData(PngFile.Rgb, 8)]
    [InlineData(PngFile.Rgb, 16)]
    [InlineData(PngFile.GrayAlpha, 8)]
    [InlineData(PngFile.GrayAlpha, 16)]
    [InlineData(PngFile.Rgba, 8)]
    [InlineData(PngFile.Rgba, 16)]
    public void Samples_are_scaled_to_eight_bits_and_alpha_is_dropped(byte colourType, int depth)
    {
        var channels = PngFile.Channels(colourType);
        Gen.Select(Gen.Int[1, 20], Gen.Int[1, 9]).SelectMany(
            (w, h) => Gen.Int[0, (1 << depth) - 1].Array[w * h * channels].Select(s => (w, h, s)))
            .Sample((width, height, samples) =>
            {
                var image = ImageDecoder.Decode(PngFile.Write(width, height, colourType, depth, samples), ExifOrientation.Ignore);

                var expected =
                    samples.Chunk(channels).SelectMany(p => channels < 3 ? [p[0], p[0], p[0]] : p[..3]).Select(s => EightBits(s, depth));
                return (image.Width, image.Height) == (width, height) && image.Pixels.SequenceEqual(expected);
            }, iter: 20);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(8)]
    public void Palette_colours_stay_as_they_are_where_they_are_transparent_too(int depth)
    {
        var colours = 1 << depth;
        var palette = Enumerable.Range(0, 3 * colours).Select(i => (byte)(i * 89)).ToArray();
        var samples = Enumerable.Range(0, 13 * 5).Select(i => i * 7 % colours).ToArray();

        var image = ImageDecoder.Decode(
            PngFile.Write(13, 5, PngFile.Palette, depth, samples, palette, transparency: [0, 100]), ExifOrientation.Ignore);

        Assert.Equal(samples.SelectMany(s => palette.AsSpan(3 * s, 3).ToArray()), image.Pixels);
    }

    [Fact]
    public void A_transparent_gray_stays_gray()
    {
        var image = ImageDecoder.Decode(PngFile.Write(3, 1, PngFile.Gray, 8, [7, 8, 9], transparency: [0, 8]), ExifOrientation.Ignore);

        Assert.Equal([7, 7, 7, 8, 8, 8, 9, 9, 9], image.Pixels);
    }

    [Fact]
    public void Interlacing_changes_nothing()
    {
        var plain = ImageDecoder.Decode(NoisePicture.File(37, 23, 5, ".png"), ExifOrientation.Ignore);
        var interlaced = ImageDecoder.Decode(NoisePicture.File(37, 23, 5, ".png[interlace]"), ExifOrientation.Ignore);

        Assert.Equal(NoisePicture.Make(37, 23, 5).Pixels, plain.Pixels);
        Assert.Equal(plain.Pixels, interlaced.Pixels);
    }

    /// <summary>
    /// Fewer bits are stretched to 0..255, of more the upper eight are kept: 16-bit gray is not clipped to white, as PIL's convert does.
    /// </summary>
    private static byte EightBits(int sample, int depth) => (byte)(depth == 16 ? sample >> 8 : sample * 255 / ((1 << depth) - 1));
}
