using Headstart.Images;

namespace Headstart.Tests.Images;

public sealed class ImageDecoderTests
{
    [Fact]
    public void Lossless_files_give_back_the_pixels_that_were_written()
    {
        var picture = NoisePicture.Make(31, 17, 3);
        foreach (var file in (byte[][])[BmpFile.Write(picture), NoisePicture.File(
            31, 17, 3, ".png"), NoisePicture.File(31, 17, 3, ".tif"), NoisePicture.File(31, 17, 3, ".webp[lossless]")])
        {
            var image = ImageDecoder.Decode(file, ExifOrientation.Ignore);

            Assert.Equal((31, 17), (image.Width, image.Height));
            Assert.Equal(picture.Pixels, image.Pixels);
        }
    }

    [Fact]
    public void A_part_of_an_array_is_decoded_like_a_whole_one()
    {
        var file = NoisePicture.File(9, 9, 4, ".png");
        byte[] framed = [1, 2, 3, .. file, 4, 5];

        Assert.Equal(
            NoisePicture.Make(9, 9, 4).Pixels, ImageDecoder.Decode(framed.AsMemory(3, file.Length), ExifOrientation.Ignore).Pixels);
    }

    [Fact]
    public void Only_the_first_page_of_many_is_read()
    {
        using var first = NetVips.Image.NewFromMemory(NoisePicture.Make(8, 6, 1).Pixels, 8, 6, 3, NetVips.Enums.BandFormat.Uchar)
            .Copy(interpretation: NetVips.Enums.Interpretation.Srgb);
        using var second = first.Invert();
        using var both = first.Join(second, NetVips.Enums.Direction.Vertical);
        using var pages = both.Mutate(m => m.Set(NetVips.GValue.GIntType, "page-height", 6));
        foreach (var suffix in (string[])[".tif", ".webp[lossless]"])
        {
            var image = ImageDecoder.Decode(pages.WriteToBuffer(suffix), ExifOrientation.Ignore);

            Assert.Equal((8, 6), (image.Width, image.Height));
            Assert.Equal(NoisePicture.Make(8, 6, 1).Pixels, image.Pixels);
        }
    }

    [Fact]
    public void Pixels_and_reasons_do_not_depend_on_what_other_threads_decode()
    {
        byte[][] files = [.. DamagedFileTests.Suffixes.SelectMany(s => Variants(s.Data))];
        var alone = files.Select(Outcome).ToArray();

        Parallel.For(0, 400, new ParallelOptions { MaxDegreeOfParallelism = 8 },
            i => Assert.Equal(alone[i % files.Length], Outcome(files[i % files.Length])));

        static IEnumerable<byte[]> Variants(string suffix)
        {
            var file = DamagedFileTests.Sample(suffix);
            return [file, file[..(file.Length / 2)]];
        }

        static string Outcome(byte[] file)
        {
            try
            {
                return Convert.ToHexString(
                    System.Security.Cryptography.SHA256.HashData(ImageDecoder.Decode(file, ExifOrientation.Ignore).Pixels));
            }
            catch (ImageRejectedException e)
            {
                return e.Message;
            }
        }
    }
}
