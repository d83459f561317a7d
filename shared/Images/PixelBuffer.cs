namespace Headstart.Images;

/// <summary>Memory for the pixels of one picture after the other. One thread at a time.</summary>
/// <remarks>
/// Pixels are large objects, which the garbage collector frees only in its rare full collections: at a thousand pictures a second they
/// piled up to more than a gigabyte.
/// </remarks>
public sealed class PixelBuffer
{
    /// <summary>Larger pictures get memory of their own: what one of them needs is not to be held for the rest of a run.</summary>
    internal const int MaximumKept = 48 << 20;

    private byte[] _bytes = [];

    /// <summary>At least this many bytes, with whatever was in them; valid until the next call.</summary>
    internal byte[] Take(int length)
    {
        if (length > MaximumKept)
            return GC.AllocateUninitializedArray<byte>(length);
        if (_bytes.Length < length)
            _bytes = GC.AllocateUninitializedArray<byte>(length);
        return _bytes;
    }
}
