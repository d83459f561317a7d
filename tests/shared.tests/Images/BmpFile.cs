using System.Buffers.Binary;
using Headstart.Images;

namespace Headstart.Tests.Images;

/// <summary>A 24-bit BMP, written byte by byte.</summary>
internal static class BmpFile
{
    public static byte[] Write(RgbImage image)
    {
        const int Headers = 54;
        var stride = (image.Width * 3 + 3) / 4 * 4;
        var file = new byte[Headers + (stride * image.Height)];
        "BM"u8.CopyTo(file);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(2), file.Length);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(10), Headers);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(14), 40);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(18), image.Width);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(22), image.Height);
        (file[26], file[28]) = (1, 24);
        for (var y = 0; y < image.Height; y++)
        {
            for (var x = 0; x < image.Width; x++)
            {
                var (from, to) = (((y * image.Width) + x) * 3, Headers + ((image.Height - 1 - y) * stride) + (x * 3));
                (file[to], file[to + 1], file[to + 2]) = (image.Pixels[from + 2], image.Pixels[from + 1], image.Pixels[from]);
            }
        }

        return file;
    }
}
