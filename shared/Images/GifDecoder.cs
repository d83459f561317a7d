using System.Buffers.Binary;

namespace Headstart.Images;

/// <summary>The first frame of a GIF, with PIL's rules and PIL's strictness.</summary>
/// <remarks>
/// libvips reads GIF too, but its reader makes transparent pixels black and leaves a part of the picture blank where the data is damaged.
/// PIL shows the colour that a transparent pixel has in the palette, and rejects what doesn't fill its frame. Source: the GIF89a
/// specification.
/// </remarks>
internal static class GifDecoder
{
    private const byte Extension = (byte)'!', Frame = (byte)',', Trailer = (byte)';', GraphicControl = 0xF9;
    private const int BytesPerPixel = 1 + 3;
    internal const string Truncated = "truncated GIF: the file ends before the first frame does";

    /// <exception cref="ImageRejectedException">Damaged, truncated, too large, or without a frame.</exception>
    public static RgbImage Decode(ReadOnlySpan<byte> file, DecodingMemory.Share? memory)
    {
        var screen = Take(file, 6, 7);
        var (width, height) = Size(screen);
        var at = 13;
        var palette = Palette(file, screen[4], ref at);
        byte? transparent = null;
        while (true)
        {
            switch (Take(file, at++, 1)[0])
            {
                case Extension:
                    var kind = Take(file, at++, 1)[0];
                    var block = SubBlock(file, at);
                    if (kind == GraphicControl && block.Length >= 4)
                        transparent = (block[0] & 1) != 0 ? block[3] : null;
                    at = AfterSubBlocks(file, at);
                    break;
                case Trailer:
                    throw new ImageRejectedException("a GIF without a frame");
                case Frame:
                    var frame = Take(file, at, 9);
                    at += 9;
                    var own = Palette(file, frame[8], ref at);
                    return Draw(file[at..], frame, (width, height), own.IsEmpty ? palette : own, transparent, memory);
                default:
                    // PIL passes over bytes that mean nothing.
                    break;
            }
        }
    }

    private static RgbImage Draw(
        ReadOnlySpan<byte> data, ReadOnlySpan<byte> frame, (int Width, int Height) screen, ReadOnlySpan<byte> palette, byte? transparent,
        DecodingMemory.Share? memory)
    {
        var (left, top) = Size(frame);
        var (width, height) = Size(frame[4..]);
        // A frame that reaches beyond the screen makes it larger.
        var (screenWidth, screenHeight) = (Math.Max(screen.Width, left + width), Math.Max(screen.Height, top + height));
        if (width == 0 || height == 0)
            throw new ImageRejectedException("a GIF whose first frame is empty");
        ImageDecoder.Admit(screenWidth, screenHeight, BytesPerPixel, memory);

        var indices = GC.AllocateUninitializedArray<byte>(width * height);
        GifLzw.Decode(data, indices);

        var colours = Colours(palette);
        var rgb = GC.AllocateUninitializedArray<byte>(screenWidth * screenHeight * 3);
        if (indices.Length * 3 != rgb.Length)
            Fill(rgb, colours.AsSpan(3 * (transparent ?? 0), 3));
        var interlaced = (frame[8] & 0x40) != 0;
        for (var row = 0; row < height; row++)
        {
            var y = top + (interlaced ? InterlacedRow(row, height) : row);
            var to = rgb.AsSpan(((y * screenWidth) + left) * 3, width * 3);
            foreach (var index in indices.AsSpan(row * width, width))
            {
                colours.AsSpan(3 * index, 3).CopyTo(to);
                to = to[3..];
            }
        }

        return new RgbImage(screenWidth, screenHeight, rgb);
    }

    /// <summary>Where the n-th stored row belongs: every 8th row, the rows half-way between those, and so on twice more.</summary>
    private static int InterlacedRow(int n, int height)
    {
        foreach (var (first, step) in ((int, int)[])[(0, 8), (4, 8), (2, 4), (1, 2)])
        {
            var rows = (height - first + step - 1) / step;
            if (n < rows)
                return first + (n * step);
            n -= rows;
        }

        throw new ArgumentOutOfRangeException(nameof(n));
    }

    /// <summary>256 colours; those that the palette hasn't are gray, as in PIL, and so is everything where there is no palette.</summary>
    private static byte[] Colours(ReadOnlySpan<byte> palette)
    {
        var colours = new byte[256 * 3];
        for (var i = 0; i < colours.Length; i++)
            colours[i] = (byte)(i / 3);
        palette.CopyTo(colours);
        return colours;
    }

    private static void Fill(Span<byte> rgb, ReadOnlySpan<byte> colour)
    {
        for (var i = 0; i < rgb.Length; i += 3)
            colour.CopyTo(rgb[i..]);
    }

    private static (int Width, int Height) Size(ReadOnlySpan<byte> numbers) =>
        (BinaryPrimitives.ReadUInt16LittleEndian(numbers), BinaryPrimitives.ReadUInt16LittleEndian(numbers[2..]));

    /// <summary>The colour table that the flags announce, or nothing.</summary>
    private static ReadOnlySpan<byte> Palette(ReadOnlySpan<byte> file, byte flags, ref int at)
    {
        if ((flags & 0x80) == 0)
            return [];
        var palette = Take(file, at, 3 << ((flags & 7) + 1));
        at += palette.Length;
        return palette;
    }

    private static ReadOnlySpan<byte> SubBlock(ReadOnlySpan<byte> file, int at) => Take(file, at + 1, Take(file, at, 1)[0]);

    private static int AfterSubBlocks(ReadOnlySpan<byte> file, int at)
    {
        while (SubBlock(file, at) is { Length: > 0 } block)
            at += 1 + block.Length;
        return at + 1;
    }

    private static ReadOnlySpan<byte> Take(ReadOnlySpan<byte> file, int at, int count) =>
        at + count <= file.Length ? file.Slice(at, count) : throw new ImageRejectedException(Truncated);
}
