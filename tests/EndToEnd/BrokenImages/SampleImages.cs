using System.Buffers.Binary;
using System.Text.Json;

namespace Headstart.Tests.BrokenImages;

/// <summary>Small files of every kind, written by PIL: those of tests/shared.tests/Images/decoding.golden.json.</summary>
internal static class SampleImages
{
    private static readonly Dictionary<string, byte[]> Files = Read();

    public static IReadOnlyList<string> Names { get; } =
    [
        "jpeg 4:2:0", "jpeg progressive", "jpeg cmyk", "png rgb", "png palette", "png with a colour profile", "webp lossless", "webp lossy",
        "gif interlaced", "gif with a transparent colour", "tiff lzw", "tiff cmyk", "bmp 24-bit", "bmp 8-bit palette",
    ];

    /// <summary>A copy, free to be damaged.</summary>
    public static byte[] File(string name) => [.. Files[name]];

    /// <summary>A file whose header claims another width and height, and is otherwise as it should be.</summary>
    /// <param name="name">One of a JPEG, PNG, GIF, lossy WebP, TIFF or BMP.</param>
    /// <param name="side">At most 16,383 for WebP, which has no room for more.</param>
    public static byte[] Claiming(string name, int side)
    {
        var file = File(name);
        var bytes = file.AsSpan();
        switch (name.Split(' ')[0])
        {
            case "jpeg":
                var frame = bytes.IndexOf(name == "jpeg progressive" ? [0xFF, 0xC2] : (ReadOnlySpan<byte>)[0xFF, 0xC0]);
                BinaryPrimitives.WriteUInt16BigEndian(bytes[(frame + 5)..], (ushort)side);
                BinaryPrimitives.WriteUInt16BigEndian(bytes[(frame + 7)..], (ushort)side);
                break;
            case "png":
                BinaryPrimitives.WriteInt32BigEndian(bytes[16..], side);
                BinaryPrimitives.WriteInt32BigEndian(bytes[20..], side);
                BinaryPrimitives.WriteUInt32BigEndian(bytes[29..], Crc(bytes[12..29]));
                break;
            case "gif":
                // The screen, and the first frame: nine bytes after its comma, which follows the palette.
                foreach (var at in (int[])[6, 13 + (3 << ((file[10] & 7) + 1)) + 5])
                {
                    BinaryPrimitives.WriteUInt16LittleEndian(bytes[at..], (ushort)side);
                    BinaryPrimitives.WriteUInt16LittleEndian(bytes[(at + 2)..], (ushort)side);
                }

                break;
            case "webp":
                var key = bytes.IndexOf((ReadOnlySpan<byte>)[0x9D, 0x01, 0x2A]);
                BinaryPrimitives.WriteUInt16LittleEndian(bytes[(key + 3)..], (ushort)side);
                BinaryPrimitives.WriteUInt16LittleEndian(bytes[(key + 5)..], (ushort)side);
                break;
            case "tiff":
                var directory = bytes[BinaryPrimitives.ReadInt32LittleEndian(bytes[4..])..];
                for (var entry = 2; entry < 2 + (12 * directory[0]); entry += 12)
                {
                    // Width, height and rows a strip, as 32-bit numbers.
                    if (BinaryPrimitives.ReadUInt16LittleEndian(directory[entry..]) is not (256 or 257 or 278))
                        continue;
                    BinaryPrimitives.WriteUInt16LittleEndian(directory[(entry + 2)..], 4);
                    BinaryPrimitives.WriteInt32LittleEndian(directory[(entry + 8)..], side);
                }

                break;
            case "bmp":
                BinaryPrimitives.WriteInt32LittleEndian(bytes[18..], side);
                BinaryPrimitives.WriteInt32LittleEndian(bytes[22..], side);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(name), name, "no such kind");
        }

        return file;
    }

    /// <summary>The checksum of PNG's chunks.</summary>
    private static uint Crc(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        foreach (var b in data)
        {
            crc ^= b;
            for (var i = 0; i < 8; i++)
                crc = (crc & 1) == 0 ? crc >> 1 : (crc >> 1) ^ 0xEDB88320;
        }

        return ~crc;
    }

    private static Dictionary<string, byte[]> Read()
    {
        using var goldens = JsonDocument.Parse(System.IO.File.ReadAllBytes(
            Path.Combine(Repository.Root, "tests", "shared.tests", "Images", "decoding.golden.json")));
        return goldens.RootElement.EnumerateArray().ToDictionary(
            g => g.GetProperty("name").GetString()!, g => g.GetProperty("file").GetBytesFromBase64(), StringComparer.Ordinal);
    }
}
