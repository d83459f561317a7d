using System.Buffers.Binary;
using Headstart.Images;

namespace Headstart.Tests.Images;

/// <summary>A file that can't be used is rejected with a reason: no crash, no other exception, no picture with a blank part.</summary>
public sealed class DamagedFileTests
{
    public static TheoryData<string> Suffixes =>
        [".jpg", ".jpg[interlace]", ".png", ".png[interlace]", ".gif", ".webp", ".webp[lossless]", ".tif", ".tif[compression=lzw]", ".bmp"];

    [Theory]
    [MemberData(nameof(Suffixes))]
    public void A_file_cut_at_any_tenth_is_rejected(string suffix)
    {
        var file = Sample(suffix);
        for (var tenth = 0; tenth < 10; tenth++)
            Assert.Contains(Reject(file.AsMemory(0, file.Length * tenth / 10)), c => !char.IsControl(c));
    }

    [Theory]
    [MemberData(nameof(Suffixes))]
    public void A_header_with_any_byte_flipped_gives_a_picture_or_a_reason(string suffix)
    {
        var file = Sample(suffix);
        for (var at = 0; at < 64; at++)
        {
            file[at] ^= 0xFF;
            Try(file);
            file[at] ^= 0xFF;
        }
    }

    [Theory]
    [MemberData(nameof(Suffixes))]
    public void Overwritten_bytes_give_a_picture_or_a_reason(string suffix)
    {
        var sample = Sample(suffix);
        var random = new Random(17);
        for (var i = 0; i < 100; i++)
        {
            var file = sample.ToArray();
            random.NextBytes(file.AsSpan(random.Next(file.Length - 20), random.Next(1, 20)));
            Try(file);
        }
    }

    [Fact]
    public void A_JPEG_whose_missing_data_is_hidden_by_an_end_marker_is_rejected()
    {
        var file = NoisePicture.File(100, 80, 1, ".jpg");
        byte[] cut = [.. file.AsSpan(0, file.Length * 7 / 10), 0xFF, 0xD9];

        Assert.Equal("damaged JPEG: the data ends before the picture does", Reject(cut));
    }

    [Fact]
    public void A_JPEG_with_a_marker_in_its_data_is_rejected()
    {
        var file = Sample(".jpg");
        file[^40] = 0xFF;
        file[^39] = 0xAE;

        Assert.Equal("damaged JPEG: marker 0xAE in the data", Reject(file));
    }

    [Fact]
    public void A_JPEG_without_its_end_marker_is_rejected() =>
        Assert.StartsWith("truncated JPEG", Reject(Sample(".jpg").AsMemory()[..^2]), StringComparison.Ordinal);

    [Fact]
    public void Whatever_follows_a_whole_picture_is_ignored()
    {
        foreach (var suffix in (string[])[".jpg", ".png", ".gif", ".webp", ".bmp"])
        {
            var file = Sample(suffix);
            byte[] longer = [.. file, .. "something after the end"u8];
            Assert.Equal(
                ImageDecoder.Decode(file, ExifOrientation.Ignore).Pixels, ImageDecoder.Decode(longer, ExifOrientation.Ignore).Pixels);
        }
    }

    [Theory]
    [InlineData(".jpg")]
    [InlineData(".png")]
    [InlineData(".tif")]
    [InlineData(".bmp")]
    public void A_header_that_promises_too_many_pixels_is_rejected_before_memory_is_taken(string suffix)
    {
        var file = Sample(suffix);
        Claim(file, suffix, 60_000);
        Reject(file);

        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal($"60000 x 60000 pixels are more than the limit of {ImageDecoder.MaxPixels}", Reject(file));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void What_is_not_an_image_is_rejected()
    {
        Assert.Equal("the file is empty", Reject(Array.Empty<byte>()));
        Assert.Equal("not a JPEG, PNG, GIF, WebP, TIFF or BMP file", Reject(new byte[100]));
        Assert.Equal("not a JPEG, PNG, GIF, WebP, TIFF or BMP file",
            Reject("<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"u8.ToArray()));
    }

    [Fact]
    public void Kinds_that_would_be_read_with_wrong_colours_are_rejected()
    {
        var tiff = Sample(".tif");
        var directory = BinaryPrimitives.ReadInt32LittleEndian(tiff.AsSpan(4));
        var photometric = Enumerable.Range(0, tiff[directory]).Select(i => directory + 2 + (12 * i))
            .Single(entry => BinaryPrimitives.ReadUInt16LittleEndian(tiff.AsSpan(entry)) == 262);
        tiff[photometric + 8] = 6;
        Assert.Equal("TIFF colours of kind 6 with compression 1 are not read", Reject(tiff));

        var bmp = Sample(".bmp");
        bmp[30] = 1;
        Assert.Equal("a compressed BMP, or an OS/2 one with a small palette: neither is read", Reject(bmp));

        var jpeg = Sample(".jpg");
        jpeg[jpeg.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFF, 0xC0]) + 4] = 12;
        Assert.Equal("JPEG samples of 12 bits are not read", Reject(jpeg));
    }

    [Fact]
    public void A_BMP_whose_pixels_name_colours_that_its_palette_has_not_is_rejected()
    {
        Assert.Equal([1, 2, 3, 7, 8, 9], ImageDecoder.Decode(Bmp(bits: 8, colours: 2, row: [0, 1, 0, 0]), ExifOrientation.Ignore).Pixels);
        Assert.Equal(
            [7, 8, 9, 1, 2, 3], ImageDecoder.Decode(Bmp(bits: 4, colours: 2, row: [0x10, 0, 0, 0]), ExifOrientation.Ignore).Pixels);
        Assert.Equal("damaged BMP: pixels name colours that its palette hasn't", Reject(Bmp(bits: 8, colours: 2, row: [0, 2, 0, 0])));
        Assert.Equal("damaged BMP: pixels name colours that its palette hasn't", Reject(Bmp(bits: 4, colours: 2, row: [0x02, 0, 0, 0])));

        static byte[] Bmp(int bits, int colours, byte[] row)
        {
            var file = new byte[54 + (4 * colours) + row.Length];
            BmpFile.Write(new RgbImage(2, 1, new byte[6])).AsSpan(0, 54).CopyTo(file);
            (file[10], file[28], file[46]) = ((byte)(54 + (4 * colours)), (byte)bits, (byte)colours);
            for (var i = 0; i < colours; i++)
                ((ReadOnlySpan<byte>)[(byte)((6 * i) + 3), (byte)((6 * i) + 2), (byte)((6 * i) + 1), 0]).CopyTo(file.AsSpan(54 + (4 * i)));
            row.CopyTo(file, file.Length - row.Length);
            return file;
        }
    }

    [Fact]
    public void A_picture_whose_kind_takes_too_much_memory_is_rejected_though_its_pixels_are_within_the_limit()
    {
        // 200 bands of 13,000 x 13,000: 31 GiB of samples, claimed by a few bytes.
        (int Tag, int Value)[] tags =
            [(256, 13_000), (257, 13_000), (258, 8), (259, 8), (262, 1), (273, 8), (277, 200), (278, 13_000), (279, 8)];
        using var file = new MemoryStream();
        using var writer = new BinaryWriter(file);
        writer.Write("II*\0"u8);
        writer.Write(8);
        writer.Write((short)tags.Length);
        foreach (var (tag, value) in tags)
        {
            writer.Write((short)tag);
            writer.Write((short)3);
            writer.Write(1);
            writer.Write(value);
        }

        writer.Write(0);

        Assert.EndsWith("more than the limit of 2560 MiB", Reject(file.ToArray()), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_without_pixels_is_rejected()
    {
        foreach (var suffix in (string[])[".jpg", ".png", ".bmp"])
        {
            var file = Sample(suffix);
            Claim(file, suffix, 0);
            Reject(file);
        }
    }

    /// <summary>A 24 x 17 picture of noise: nothing in it compresses to nearly nothing, so that a cut is a loss.</summary>
    internal static byte[] Sample(string suffix) =>
        suffix == ".bmp" ? BmpFile.Write(NoisePicture.Make(24, 17, 1)) : NoisePicture.File(24, 17, 1, suffix);

    private static void Try(byte[] file)
    {
        try
        {
            var image = ImageDecoder.Decode(file, ExifOrientation.Honour);
            Assert.Equal((long)image.Width * image.Height * 3, image.Pixels.LongLength);
        }
        catch (ImageRejectedException e)
        {
            Assert.False(string.IsNullOrWhiteSpace(e.Message) || e.Message.Contains('\n', StringComparison.Ordinal));
        }
    }

    private static string Reject(ReadOnlyMemory<byte> file) =>
        Assert.Throws<ImageRejectedException>(() => ImageDecoder.Decode(file, ExifOrientation.Ignore)).Message;

    /// <summary>Writes another width and height into a file's header.</summary>
    private static void Claim(byte[] file, string suffix, int side)
    {
        switch (suffix)
        {
            case ".jpg":
                var frame = file.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFF, 0xC0]);
                BinaryPrimitives.WriteUInt16BigEndian(file.AsSpan(frame + 5), (ushort)side);
                BinaryPrimitives.WriteUInt16BigEndian(file.AsSpan(frame + 7), (ushort)side);
                break;
            case ".png":
                var chunk = PngFile.Write(1, 1, PngFile.Gray, 8, [0], size: side);
                chunk.AsSpan(0, 33).CopyTo(file);
                break;
            case ".bmp":
                BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(18), side);
                BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(22), side);
                break;
            default:
                var directory = file.AsSpan(BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(4)));
                for (var entry = 2; entry < 2 + (12 * directory[0]); entry += 12)
                {
                    // 256 width, 257 height, 278 rows a strip: all as 32-bit numbers.
                    if (BinaryPrimitives.ReadUInt16LittleEndian(directory[entry..]) is not (256 or 257 or 278))
                        continue;
                    BinaryPrimitives.WriteUInt16LittleEndian(directory[(entry + 2)..], 4);
                    BinaryPrimitives.WriteInt32LittleEndian(directory[(entry + 8)..], side);
                }

                break;
        }
    }
}
