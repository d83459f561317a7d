using System.Buffers.Binary;

namespace Headstart.Images;

/// <summary>How a TIFF stores its colours, read from the tags of its first page.</summary>
internal static class TiffColour
{
    private const ushort Compression = 259, Photometric = 262, Short = 3;
    private const ushort YCbCr = 6, OldJpeg = 6, Jpeg = 7;

    /// <summary>Rejects what libvips would hand on with luminance and colour difference shown as red, green and blue.</summary>
    /// <exception cref="ImageRejectedException">Colours that are not read, or a directory outside the file.</exception>
    public static void Check(ReadOnlySpan<byte> file)
    {
        var little = file[0] == 'I';
        var (compression, photometric) = (1, 0);
        long directory = file.Length >= 8 ? Number32(file[4..]) : file.Length;
        var entries = directory + 2 <= file.Length ? Number16(file[(int)directory..]) : throw new ImageRejectedException("truncated TIFF");
        for (var i = 0; i < entries; i++)
        {
            var at = directory + 2 + (12 * i);
            if (at + 12 > file.Length)
                throw new ImageRejectedException("truncated TIFF");
            var entry = file.Slice((int)at, 12);
            if (Number16(entry[2..]) != Short)
                continue;
            if (Number16(entry) == Compression)
                compression = Number16(entry[8..]);
            else if (Number16(entry) == Photometric)
                photometric = Number16(entry[8..]);
        }

        if (photometric > YCbCr || (photometric == YCbCr && compression is not (OldJpeg or Jpeg)))
            throw new ImageRejectedException($"TIFF colours of kind {photometric} with compression {compression} are not read");

        int Number16(ReadOnlySpan<byte> from) =>
            little ? BinaryPrimitives.ReadUInt16LittleEndian(from) : BinaryPrimitives.ReadUInt16BigEndian(from);

        uint Number32(ReadOnlySpan<byte> from) =>
            little ? BinaryPrimitives.ReadUInt32LittleEndian(from) : BinaryPrimitives.ReadUInt32BigEndian(from);
    }
}
