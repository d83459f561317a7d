using System.Buffers;

namespace Headstart.Cache;

/// <summary>
/// A whole part file in memory that is used again for the next one: fresh memory for each costs as much time as checking its digest.
/// </summary>
internal sealed class PartContent : IDisposable
{
    private readonly byte[] _rented;
    private readonly int _length;

    private PartContent(byte[] rented, int length)
    {
        _rented = rented;
        _length = length;
    }

    public ReadOnlySpan<byte> Bytes => _rented.AsSpan(0, _length);

    /// <exception cref="IOException">The file can't be read.</exception>
    public static PartContent Read(string path)
    {
        using var file = File.OpenHandle(path);
        var length = RandomAccess.GetLength(file);
        if (length > Array.MaxLength)
            throw new IOException("it is larger than any part");
        var rented = ArrayPool<byte>.Shared.Rent((int)length);
        var read = 0;
        while (read < length && RandomAccess.Read(file, rented.AsSpan(read, (int)length - read), read) is > 0 and var count)
            read += count;
        return new PartContent(rented, read);
    }

    /// <summary>The content as a stream; ends with this.</summary>
    public MemoryStream OpenStream() => new(_rented, 0, _length, writable: false);

    public void Dispose() => ArrayPool<byte>.Shared.Return(_rented);
}
