using System.Buffers.Binary;
using System.Text;

namespace Headstart.Extraction.Import;

/// <summary>Finds links that lead from an HDF5 file to another file, without following any.</summary>
/// <remarks>
/// PureHDF follows them blindly: into any file of the machine, and for ever when they lead back. No Keras version writes them. They can be
/// told by their bytes: https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html, section "The Link Message", link type 64.
/// </remarks>
internal static class Hdf5ExternalLinks
{
    private const int Chunk = 1 << 20;

    // Longer than any message that a path fits in.
    private const int Overlap = 1 << 14;

    /// <returns>The file that the first such link leads to, or null where there is none.</returns>
    public static string? Find(Stream stream)
    {
        var buffer = new byte[Chunk + Overlap];
        var kept = 0;
        while (true)
        {
            var length = kept + stream.ReadAtLeast(buffer.AsSpan(kept), buffer.Length - kept, throwOnEndOfStream: false);
            if (FindIn(buffer.AsSpan(0, length)) is { } target)
                return target;
            if (length < buffer.Length)
                return null;
            buffer.AsSpan(length - Overlap).CopyTo(buffer);
            kept = Overlap;
        }
    }

    private static string? FindIn(ReadOnlySpan<byte> bytes)
    {
        for (var at = 0; bytes[at..].IndexOf((byte)64) is >= 0 and var next; at += next + 1)
        {
            if (at + next >= 2 && TargetOf(bytes[(at + next - 2)..]) is { } target)
                return target;
        }

        return null;
    }

    // Version 1, flags, type 64, [creation order], [character set], name, then: length, 0, file name, 0, object path, 0.
    private static string? TargetOf(ReadOnlySpan<byte> message)
    {
        var flags = message[1];
        if (message[0] != 1 || (flags & 0xE8) != 0x08)
            return null;
        var sizeOfLength = 1 << (flags & 3);
        var at = 3 + ((flags & 4) != 0 ? 8 : 0) + ((flags & 16) != 0 ? 1 : 0);
        if (at + sizeOfLength > message.Length)
            return null;
        var nameLength = sizeOfLength switch
        {
            1 => message[at],
            2 => BinaryPrimitives.ReadUInt16LittleEndian(message[at..]),
            4 => BinaryPrimitives.ReadUInt32LittleEndian(message[at..]),
            _ => BinaryPrimitives.ReadUInt64LittleEndian(message[at..]),
        };
        if (nameLength > (ulong)Math.Max(0, message.Length - at - sizeOfLength - 2))
            return null;
        at += sizeOfLength + (int)nameLength;
        var informationLength = BinaryPrimitives.ReadUInt16LittleEndian(message[at..]);
        at += 2;
        if (informationLength < 4 || informationLength > message.Length - at)
            return null;
        var information = message.Slice(at, informationLength);
        var file = information[1..];
        var end = file.IndexOf((byte)0);
        var plausible = information[0] == 0 && end > 0 && file[..end].IndexOfAnyInRange((byte)0, (byte)31) < 0
            && file[(end + 1)..].IndexOf((byte)0) == file.Length - end - 2;
        return plausible ? Encoding.UTF8.GetString(file[..end]) : null;
    }
}
