using System.Buffers.Binary;

namespace Headstart.Images;

/// <summary>The segments of a JPEG file, walked from the first to the end-of-image marker without decoding.</summary>
/// <remarks>
/// libvips stops reading once the last row is out. PIL asks libjpeg to go on to the end of the image, and so finds the files whose data was
/// cut or overwritten and whose missing rows libjpeg fills with gray. What libjpeg would stumble over there is found here.
/// </remarks>
internal static class JpegMarkers
{
    private const byte Temporary = 0x01, FirstRestart = 0xD0, LastRestart = 0xD7, StartOfImage = 0xD8, EndOfImage = 0xD9;

    /// <exception cref="ImageRejectedException">
    /// No end, a segment that reaches beyond the file, one that can't be there, or samples that aren't 8-bit.
    /// </exception>
    public static void Check(ReadOnlySpan<byte> file)
    {
        for (var at = 2; ;)
        {
            // Compressed data lies between segments: whatever is not 0xFF and a code is passed over, and so is the 0xFF 0x00 that
            // stands for a 0xFF.
            var skip = file[at..].IndexOf((byte)0xFF);
            at += skip < 0 ? file.Length : skip;
            while (at < file.Length && file[at] == 0xFF)
                at++;
            if (at >= file.Length)
                throw new ImageRejectedException("truncated JPEG: the file ends before the image does");
            var marker = file[at++];
            if (marker is 0 or Temporary or (>= FirstRestart and <= LastRestart))
                continue;
            if (marker == EndOfImage)
                return;
            if (marker is < 0xC0 or 0xC8 or StartOfImage or (> 0xEF and not 0xFE))
                throw new ImageRejectedException($"damaged JPEG: marker 0x{marker:X2} in the data");
            if (at + 2 > file.Length || at + BinaryPrimitives.ReadUInt16BigEndian(file[at..]) > file.Length)
                throw new ImageRejectedException("truncated JPEG: the file ends before the image does");
            var length = BinaryPrimitives.ReadUInt16BigEndian(file[at..]);
            if (length < 2)
                throw new ImageRejectedException($"damaged JPEG: segment 0x{marker:X2} of length {length}");
            CheckPrecision(marker, file.Slice(at + 2, length - 2));
            at += length;
        }
    }

    private static void CheckPrecision(byte marker, ReadOnlySpan<byte> segment)
    {
        // A frame header. 0xC4 and 0xCC in the same range are tables.
        if (marker is >= 0xC0 and <= 0xCF and not 0xC4 and not 0xCC && segment is [not 8, ..])
            throw new ImageRejectedException($"JPEG samples of {segment[0]} bits are not read");
    }
}
