using System.Buffers.Binary;
using System.IO.Compression;

namespace Headstart.Tests.Images;

/// <summary>
/// A PNG of any colour type and depth, written byte by byte from its specification, so that it owes nothing to the decoder under test.
/// </summary>
internal static class PngFile
{
    public const byte Gray = 0, Rgb = 2, Palette = 3, GrayAlpha = 4, Rgba = 6;

    public static int Channels(byte colourType) => colourType switch { Gray or Palette => 1, GrayAlpha => 2, Rgb => 3, _ => 4 };

    /// <param name="samples">Row by row, each as large as the depth allows; packed here.</param>
    /// <param name="palette">RGB triples.</param>
    /// <param name="transparency">The tRNS chunk.</param>
    /// <param name="size">A width and height to claim instead of the true ones.</param>
    public static byte[] Write(
        int width, int height, byte colourType, int depth, ReadOnlySpan<int> samples, byte[]? palette = null, byte[]? transparency = null,
        int? size = null)
    {
        var rowSamples = width * Channels(colourType);
        using var raw = new MemoryStream();
        for (var y = 0; y < height; y++)
        {
            raw.WriteByte(0);
            var (bits, count) = (0, 0);
            foreach (var sample in samples.Slice(y * rowSamples, rowSamples))
            {
                bits = (bits << depth) | sample;
                for (count += depth; count >= 8; count -= 8)
                    raw.WriteByte((byte)(bits >> (count - 8)));
            }

            if (count > 0)
                raw.WriteByte((byte)(bits << (8 - count)));
        }

        using var file = new MemoryStream();
        file.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10]);
        Chunk(file, "IHDR"u8, Header(size ?? width, size ?? height, colourType, depth));
        if (palette is not null)
            Chunk(file, "PLTE"u8, palette);
        if (transparency is not null)
            Chunk(file, "tRNS"u8, transparency);
        Chunk(file, "IDAT"u8, Compressed(raw.ToArray()));
        Chunk(file, "IEND"u8, []);
        return file.ToArray();
    }

    private static byte[] Header(int width, int height, byte colourType, int depth)
    {
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = ((byte)depth, colourType);
        return header;
    }

    private static byte[] Compressed(byte[] data)
    {
        using var to = new MemoryStream();
        using (var zlib = new ZLibStream(to, CompressionLevel.Fastest, leaveOpen: true))
            zlib.Write(data);
        return to.ToArray();
    }

    private static void Chunk(MemoryStream file, ReadOnlySpan<byte> name, ReadOnlySpan<byte> data)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
        file.Write(number);
        file.Write(name);
        file.Write(data);
        BinaryPrimitives.WriteUInt32BigEndian(number, ~Crc(Crc(uint.MaxValue, name), data));
        file.Write(number);
    }

    private static uint Crc(uint crc, ReadOnlySpan<byte> data)
    {
        foreach (var b in data)
        {
            crc ^= b;
            for (var i = 0; i < 8; i++)
                crc = (crc & 1) == 0 ? crc >> 1 : (crc >> 1) ^ 0xEDB88320;
        }

        return crc;
    }
}
