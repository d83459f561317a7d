using CsCheck;
using Headstart.Images;
using Headstart.Preprocessing;
using Headstart.Tests.Images;

namespace Headstart.Tests.Preprocessing;

public sealed class ImagePreprocessorTests
{
    private static readonly Gen<(int Width, int Height, ulong Seed)> Picture = Gen.Select(Gen.Int[1, 70], Gen.Int[1, 70], Gen.ULong);

    /// <summary>
    /// Each filter with a stretch and with a short side, at a size that is no multiple of a vector, without normalisation.
    /// </summary>
    private static readonly Gen<ImagePreprocessing> Plain =
        Gen.Select(Gen.Bool, Gen.Bool, Gen.Int[1, 41], (antialiased, stretch, size) => Presets.Mobilenet with
        {
            Preset = "custom",
            Size = size,
            Filter = antialiased ? ResizeFilter.BilinearAntialiased : ResizeFilter.Bilinear,
            DivideBy = 1,
            Mean = [0, 0, 0],
            Resize = stretch ? ResizeMode.Stretch : ResizeMode.ShortSide,
            ShortSide = stretch ? null : size + 3,
        });

    [Fact]
    public void A_constant_picture_stays_constant() =>
        Gen.Select(Plain, Picture, Gen.Byte, Gen.Byte, Gen.Byte).Sample((preprocessing, size, r, g, b) =>
        {
            var pixels = new byte[size.Width * size.Height * 3];
            for (var i = 0; i < pixels.Length; i += 3)
                (pixels[i], pixels[i + 1], pixels[i + 2]) = (r, g, b);

            var planes = Apply(preprocessing, new RgbImage(size.Width, size.Height, pixels)).Chunk(preprocessing.Size * preprocessing.Size)
                .ToArray();

            return planes[0].All(v => v == r) && planes[1].All(v => v == g) && planes[2].All(v => v == b);
        });

    [Fact]
    public void Resizing_to_its_own_size_changes_nothing() =>
        Gen.Select(Plain, Gen.Int[1, 60], Gen.ULong).Sample((preprocessing, size, seed) =>
        {
            var image = NoisePicture.Make(size, size, seed);

            var chw = Apply(preprocessing with { Size = size, Resize = ResizeMode.Stretch, ShortSide = null }, image);

            return chw.Index().All(v => v.Item == image.Pixels[(v.Index % (size * size) * 3) + (v.Index / (size * size))]);
        });

    [Fact]
    public void Bgr_is_rgb_with_its_planes_exchanged() =>
        Gen.Select(Plain, Picture).Sample((preprocessing, picture) =>
        {
            var image = NoisePicture.Make(picture.Width, picture.Height, picture.Seed);
            var plane = preprocessing.Size * preprocessing.Size;

            var rgb = Apply(preprocessing, image);
            var bgr = Apply(preprocessing with { Channels = ChannelOrder.Bgr }, image);

            return bgr.AsSpan(0, plane).SequenceEqual(rgb.AsSpan(2 * plane))
                && bgr.AsSpan(plane, plane).SequenceEqual(rgb.AsSpan(plane, plane))
                && bgr.AsSpan(2 * plane).SequenceEqual(rgb.AsSpan(0, plane));
        });

    [Fact]
    public void The_crop_is_a_part_of_the_whole_resized_picture() =>
        Gen.Select(Picture, Gen.Int[1, 50], Gen.Int[1, 50], Gen.Double[0, 1], Gen.Double[0, 1])
            .Sample((picture, targetX, targetY, fromX, fromY) =>
            {
                var image = NoisePicture.Make(picture.Width, picture.Height, picture.Seed);
                var (startX, startY) = ((int)(fromX * (targetX - 1)), (int)(fromY * (targetY - 1)));
                var whole = new ResizeGeometry(new(image.Width, targetX, 0, targetX), new(image.Height, targetY, 0, targetY));
                var part = new ResizeGeometry(
                    new(image.Width, targetX, startX, targetX - startX), new(image.Height, targetY, startY, targetY - startY));
                return Same(new PillowResizer().Resize) && Same(new BilinearResizer().Resize);

                bool Same(Resize resize)
                {
                    var (all, some) = (new float[targetX * targetY], new float[part.X.Count * part.Y.Count]);
                    resize(new RgbView(image), whole, all, new float[all.Length], new float[all.Length]);
                    resize(new RgbView(image), part, some, new float[some.Length], new float[some.Length]);
                    return some.Index().All(
                        v => v.Item == all[((startY + (v.Index / part.X.Count)) * targetX) + startX + (v.Index % part.X.Count)]);
                }
            });

    [Fact]
    public void Resizing_a_view_equals_resizing_a_copy_of_it() =>
        Gen.Select(Plain, Picture, Gen.Double[0, 1], Gen.Double[0, 1]).Sample((preprocessing, picture, x, y) =>
        {
            var image = NoisePicture.Make(picture.Width, picture.Height, picture.Seed);
            var (left, top) = ((int)(x * (image.Width - 1)), (int)(y * (image.Height - 1)));
            var (width, height) = (Math.Max(1, (image.Width - left) / 2), Math.Max(1, (image.Height - top) / 2));
            var copy = new byte[width * height * 3];
            for (var row = 0; row < height; row++)
                image.Pixels.AsSpan((((top + row) * image.Width) + left) * 3, width * 3).CopyTo(copy.AsSpan(row * width * 3));
            var geometry = ResizeGeometry.For(preprocessing, width, height);
            return Same(new PillowResizer().Resize) && Same(new BilinearResizer().Resize);

            bool Same(Resize resize)
            {
                var count = geometry.X.Count * geometry.Y.Count;
                var (seen, copied) = (new float[3 * count], new float[3 * count]);
                resize(new RgbView(image, left, top, width, height), geometry, seen.AsSpan(0, count), seen.AsSpan(count, count),
                    seen.AsSpan(2 * count));
                resize(new RgbView(new RgbImage(width, height, copy)), geometry, copied.AsSpan(0, count), copied.AsSpan(count, count),
                    copied.AsSpan(2 * count));
                return seen.SequenceEqual(copied);
            }
        });

    [Fact]
    public void What_was_prepared_before_leaves_no_trace() =>
        Gen.Select(Plain, Picture.Array[2, 6]).Sample((preprocessing, pictures) =>
        {
            var preprocessor = new ImagePreprocessor(preprocessing);
            var chw = new float[preprocessor.Length];
            return pictures.All(p =>
            {
                var image = NoisePicture.Make(p.Width, p.Height, p.Seed);
                preprocessor.Apply(image, chw);
                return chw.SequenceEqual(Apply(preprocessing, image));
            });
        });

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 100_000)]
    [InlineData(100_000, 1)]
    [InlineData(2, 30_000)]
    public void Extreme_shapes_stay_within_the_grey_levels(int width, int height)
    {
        foreach (var preset in (ImagePreprocessing[])[Presets.Keras, Presets.Torchvision])
        {
            var chw = Apply(preset with { DivideBy = 1, Mean = [0, 0, 0], Std = [1, 1, 1] }, NoisePicture.Make(width, height, 1));

            Assert.All(chw, v => Assert.InRange(v, 0, 255));
            Assert.True(width * height == 1 || chw.Distinct().Count() > 10);
        }
    }

    [Fact]
    public void Presets_normalise_as_their_papers_code_does()
    {
        var white = new RgbImage(1, 1, [255, 254, 253]);

        Assert.Equal([253f - 103.939f, 254f - 116.779f, 255f - 123.68f], FirstPixel(Presets.Keras, white));
        Assert.Equal([((255f / 255f) - 0.485f) / 0.229f, ((254f / 255f) - 0.456f) / 0.224f, ((253f / 255f) - 0.406f) / 0.225f],
            FirstPixel(Presets.Torchvision, white));
        Assert.Equal([(255f / 127.5f) - 1f, (254f / 127.5f) - 1f, (253f / 127.5f) - 1f], FirstPixel(Presets.Mobilenet, white));
    }

    [Fact]
    public void A_destination_of_another_length_is_refused_with_both_lengths()
    {
        var preprocessor = new ImagePreprocessor(Presets.Keras);

        var e = Assert.Throws<ArgumentException>(() => preprocessor.Apply(NoisePicture.Make(2, 2, 1), new float[7]));

        Assert.Contains("7 floats instead of 150528", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_image_whose_bytes_do_not_fit_its_size_is_refused()
    {
        var preprocessor = new ImagePreprocessor(Presets.Keras);

        var e = Assert.Throws<ArgumentException>(
            () => preprocessor.Apply(new RgbImage(2, 2, new byte[11]), new float[preprocessor.Length]));

        Assert.Contains("11 bytes instead of 12", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_contract_that_makes_no_sense_is_refused() =>
        Assert.Throws<CommandException>(() => new ImagePreprocessor(Presets.Torchvision with { ShortSide = 100 }));

    private delegate void Resize(RgbView image, ResizeGeometry geometry, Span<float> red, Span<float> green, Span<float> blue);

    private static float[] FirstPixel(ImagePreprocessing preprocessing, RgbImage image)
    {
        var chw = Apply(preprocessing, image);
        return [chw[0], chw[chw.Length / 3], chw[chw.Length / 3 * 2]];
    }

    private static float[] Apply(ImagePreprocessing preprocessing, RgbImage image)
    {
        var preprocessor = new ImagePreprocessor(preprocessing);
        var chw = new float[preprocessor.Length];
        preprocessor.Apply(image, chw);
        return chw;
    }
}
