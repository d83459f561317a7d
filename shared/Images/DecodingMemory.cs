namespace Headstart.Images;

/// <summary>
/// The memory that pictures may take while they are decoded, shared by all threads: small pictures are decoded side by side, large ones
/// wait for each other.
/// </summary>
/// <remarks>
/// Safe to use from several threads at once. Whoever waits is served in turn, so a large picture is not overtaken for ever.
/// </remarks>
/// <param name="bytes">Together. A picture that needs more by itself gets all of it, and is then alone.</param>
public sealed class DecodingMemory(long bytes = DecodingMemory.Default)
{
    /// <summary>As much as the largest picture that is decoded needs, 2.5 GiB.</summary>
    public const long Default = ImageDecoder.MaxBytes;

    // About 20 megapixels of JPEG: rare enough for a collection each.
    private const long Large = 256L << 20;

    private readonly long _whole = bytes;
    private readonly Lock _turn = new();
    private readonly object _room = new();
    private long _free = bytes;

    /// <summary>For one picture, to be disposed when its pixels are no longer needed.</summary>
    public Share Open() => new(this);

    private long Take(long wanted)
    {
        var taken = Math.Min(wanted, _whole);
        lock (_turn)
        {
            lock (_room)
            {
                while (_free < taken)
                    Monitor.Wait(_room);
                _free -= taken;
            }
        }

        // The pixels of the large picture before this one are garbage, but the collector doesn't know that memory is wanted outside its
        // heap.
        if (taken >= Large)
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        return taken;
    }

    private void Return(long taken)
    {
        lock (_room)
        {
            _free += taken;
            Monitor.PulseAll(_room);
        }
    }

    /// <summary>What one picture has been given. Used by one thread.</summary>
    public sealed class Share : IDisposable
    {
        private readonly DecodingMemory _memory;
        private long _taken;

        internal Share(DecodingMemory memory) => _memory = memory;

        /// <summary>Waits until this many bytes are free, unless as many are held already.</summary>
        public void Take(long wanted)
        {
            if (wanted <= _taken || _taken == _memory._whole)
                return;
            // Two that hold a part and wait for more would wait for each other.
            Dispose();
            _taken = _memory.Take(wanted);
        }

        /// <summary>Takes all, so that this picture is alone.</summary>
        public void TakeAll() => Take(_memory._whole);

        public void Dispose()
        {
            _memory.Return(_taken);
            _taken = 0;
        }
    }
}
