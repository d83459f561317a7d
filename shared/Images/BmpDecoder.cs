using System.Buffers.Binary;
using StbImageSharp;

namespace Headstart.Images;

/// <summary>BMP, which libvips as packaged does not read. The one file that knows StbImageSharp.</summary>
internal static class BmpDecoder
{
    private const int FileHeader = 14;

    // StbImageSharp converts from four channels to three.
    private const int BytesPerPixel = 4 + 3;

    /// <exception cref="ImageRejectedException">Damaged, truncated, too large, or of a kind that StbImageSharp doesn't read
    /// rightly.</exception>
    public static RgbImage Decode(byte[] file, DecodingMemory.Share? memory)
    {
        CheckHeader(file, memory);
        try
        {
            using var stream = new MemoryStream(file, writable: false);
            var image = ImageResult.FromStream(stream, ColorComponents.RedGreenBlue);
            return new RgbImage(image.Width, image.Height, image.Data);
        }
        catch (Exception e) when (e is InvalidOperationException or IndexOutOfRangeException or ArgumentException
            or OverflowException or IOException)
        {
            throw new ImageRejectedException("damaged BMP data, or a kind of BMP that is not read", e);
        }
    }

    /// <summary>
    /// StbImageSharp reads zeros beyond the end of a file: what the header asks for must be there. Small palettes after an OS/2 header
    /// it takes from the wrong place.
    /// </summary>
    private static void CheckHeader(ReadOnlySpan<byte> file, DecodingMemory.Share? memory)
    {
        var header = file.Length >= FileHeader + 4 ? BinaryPrimitives.ReadUInt32LittleEndian(file[FileHeader..]) : 0;
        if (header is not (12 or 40 or 52 or 56 or 108 or 124) || file.Length < FileHeader + header)
            throw new ImageRejectedException("damaged BMP header");
        var core = header == 12;
        var (width, height) = core
            ? (BinaryPrimitives.ReadUInt16LittleEndian(file[18..]), BinaryPrimitives.ReadUInt16LittleEndian(file[20..]))
            : ((long)BinaryPrimitives.ReadInt32LittleEndian(file[18..]),
                Math.Abs((long)BinaryPrimitives.ReadInt32LittleEndian(file[22..])));
        var bits = BinaryPrimitives.ReadUInt16LittleEndian(file[(core ? 24 : 28)..]);
        var compression = core ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(file[30..]);
        if (width < 1 || height < 1 || bits is not (1 or 4 or 8 or 16 or 24 or 32))
            throw new ImageRejectedException("damaged BMP header");
        if (compression is not (0 or 3) || (core && bits is (1 or 4)))
            throw new ImageRejectedException("a compressed BMP, or an OS/2 one with a small palette: neither is read");
        ImageDecoder.Admit(width, height, BytesPerPixel, memory);
        var offset = BinaryPrimitives.ReadUInt32LittleEndian(file[10..]);
        var stride = ((width * bits) + 31) / 32 * 4;
        if (offset + (stride * height) > file.Length)
            throw new ImageRejectedException("truncated BMP: the file ends before the image does");
        if (bits <= 8)
            CheckPalette(file.Slice((int)offset, (int)(stride * height)), (int)stride, (int)width, bits,
                colours: (offset - FileHeader - header) / (core ? 3 : 4));
    }

    /// <summary>StbImageSharp gives black to pixels that name colours which the palette hasn't.</summary>
    /// <param name="colours">The colours that there is room for between the header and the pixels.</param>
    private static void CheckPalette(ReadOnlySpan<byte> rows, int stride, int width, int bits, long colours)
    {
        var mask = (1 << bits) - 1;
        if (colours > mask)
            return;
        for (; !rows.IsEmpty; rows = rows[stride..])
        {
            for (var x = 0; x < width; x++)
            {
                var bit = x * bits;
                if (((rows[bit / 8] >> (8 - bits - (bit % 8))) & mask) >= colours)
                    throw new ImageRejectedException("damaged BMP: pixels name colours that its palette hasn't");
            }
        }
    }
}
