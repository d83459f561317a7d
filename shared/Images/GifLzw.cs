namespace Headstart.Images;

/// <summary>The compression of GIF: variable-length codes, each a string of colours seen before and one colour more.</summary>
internal static class GifLzw
{
    private const int MaxBits = 12;

    /// <param name="data">The first code's size, then sub-blocks.</param>
    /// <param name="colours">Filled to the end; what follows in the data is ignored.</param>
    /// <exception cref="ImageRejectedException">A code that can't be, or not enough of them.</exception>
    public static void Decode(ReadOnlySpan<byte> data, Span<byte> colours)
    {
        if (data.IsEmpty || data[0] is < 1 or > 8)
            throw new ImageRejectedException(data.IsEmpty ? GifDecoder.Truncated : "damaged GIF data");
        int clear = 1 << data[0], end = clear + 1;
        // A string is its last colour and the code of the rest; its length tells where its first colour goes.
        Span<byte> last = stackalloc byte[1 << MaxBits];
        Span<short> rest = stackalloc short[1 << MaxBits];
        Span<int> length = stackalloc int[1 << MaxBits];
        for (var i = 0; i < clear; i++)
            (last[i], rest[i], length[i]) = ((byte)i, -1, 1);

        var codes = new CodeReader(data[1..]);
        var (bits, next, previous, written) = (data[0] + 1, end + 1, -1, 0);
        while (written < colours.Length)
        {
            var code = codes.Next(bits);
            if (code == clear)
            {
                (bits, next, previous) = (data[0] + 1, end + 1, -1);
                continue;
            }

            if (code == end)
                throw new ImageRejectedException("damaged GIF: the data ends before the first frame does");
            // The one code that may be used before it is known is the one that this step defines; right after a clear there is none.
            if (previous < 0 ? code >= clear : code > next || (code == next && next == 1 << MaxBits))
                throw new ImageRejectedException("damaged GIF data");
            if (previous >= 0 && next < 1 << MaxBits)
            {
                (rest[next], length[next]) = ((short)previous, length[previous] + 1);
                last[next] = First(last, rest, code == next ? previous : code);
                next++;
                if (next == 1 << bits && bits < MaxBits)
                    bits++;
            }

            var start = written;
            written += length[code];
            for (int at = written - 1, from = code; at >= start; at--, from = rest[from])
            {
                if (at < colours.Length)
                    colours[at] = last[from];
            }

            previous = code;
        }
    }

    private static byte First(ReadOnlySpan<byte> last, ReadOnlySpan<short> rest, int code)
    {
        while (rest[code] >= 0)
            code = rest[code];
        return last[code];
    }

    /// <summary>Codes, lowest bit first, across sub-blocks: a length byte and as many bytes of data, until a length of 0.</summary>
    private ref struct CodeReader(ReadOnlySpan<byte> data)
    {
        private readonly ReadOnlySpan<byte> _data = data;
        private int _at;
        private int _blockLeft;
        private int _buffer;
        private int _bitsLeft;

        public int Next(int bits)
        {
            while (_bitsLeft < bits)
            {
                _buffer |= NextByte() << _bitsLeft;
                _bitsLeft += 8;
            }

            var code = _buffer & ((1 << bits) - 1);
            _buffer >>= bits;
            _bitsLeft -= bits;
            return code;
        }

        private byte NextByte()
        {
            if (_blockLeft == 0)
            {
                // A block that isn't all there counts as missing, even where the picture could do without its last bytes: so does PIL.
                if (_at >= _data.Length || _at + _data[_at] >= _data.Length)
                    throw new ImageRejectedException(GifDecoder.Truncated);
                _blockLeft = _data[_at++];
                if (_blockLeft == 0)
                    throw new ImageRejectedException("damaged GIF: the data ends before the first frame does");
            }

            _blockLeft--;
            return _data[_at++];
        }
    }
}
