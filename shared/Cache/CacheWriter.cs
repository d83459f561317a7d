namespace Headstart.Cache;

/// <summary>Adds rows to a cache folder, part after part. Holds the cache's lock, so there is one writer.</summary>
/// <remarks>
/// Not thread-safe. A full part is encoded and written while the next one fills: whoever adds rows waits for the disk only when it is
/// slower than they come. What was not flushed when it is disposed is lost.
/// </remarks>
public sealed class CacheWriter : IAsyncDisposable
{
    /// <summary>A part is written when it is full or this old, so that a killed run loses less than half a minute of work.</summary>
    public static readonly TimeSpan MaximumAge = TimeSpan.FromSeconds(20);

    private readonly CacheFolder _folder;
    private readonly CacheContract _contract;
    private readonly TimeProvider _time;
    private PartBuilder _filling;
    private PartBuilder? _written;
    private Task _writing = Task.CompletedTask;
    private TimeSpan _filled;
    private TimeSpan _wrote;
    private long _partBegun;
    private int _nextNumber;

    /// <param name="folder">Where the parts go.</param>
    /// <param name="contract">Of the rows.</param>
    /// <param name="firstNumber">Parts are numbered from here, or from above those that are there.</param>
    public CacheWriter(CacheFolder folder, CacheContract contract, TimeProvider time, int firstNumber = 0)
    {
        _folder = folder;
        _contract = contract;
        _time = time;
        _filling = new PartBuilder(contract);
        folder.CleanUp();
        _nextNumber = Math.Max(firstNumber, folder.NextNumber());
    }

    /// <summary>The time that copying, encoding and writing took; that of a part that is being written is not in it yet.</summary>
    public TimeSpan Worked => _filled + _wrote;

    /// <summary>Adds one row; begins to write the part when it is due.</summary>
    /// <param name="row">Everything but the features.</param>
    /// <param name="layers">One memory per layer of the contract, in its order, each C x H x W floats; copied.</param>
    /// <exception cref="CommandException">This part, or the one before it, can't be written.</exception>
    public async Task AddAsync(CacheRow row, IReadOnlyList<ReadOnlyMemory<float>> layers)
    {
        var start = _time.GetTimestamp();
        if (_filling.Count == 0)
            _partBegun = start;
        _filling.Add(row, layers);
        _filled += _time.GetElapsedTime(start);
        if (_filling.IsFull || _time.GetElapsedTime(_partBegun) >= MaximumAge)
            await BeginWritingAsync();
    }

    /// <summary>Writes the rows added since the last part. When it ends, everything that was added is on the disk.</summary>
    /// <exception cref="CommandException">A part can't be written.</exception>
    public async Task FlushAsync()
    {
        if (_filling.Count > 0)
            await BeginWritingAsync();
        await _writing;
    }

    /// <summary>
    /// Waits for the part that is being written: nobody else may touch the folder before. Whether that failed is no longer asked.
    /// </summary>
    public async ValueTask DisposeAsync() => await _writing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    /// <summary>Parts are written one after the other, so that a killed run leaves no gap between them.</summary>
    private async Task BeginWritingAsync()
    {
        await _writing;
        var (full, path) = (_filling, _folder.PartPath(_nextNumber++));
        _writing = Task.Run(() => WriteAsync(full, path));
        (_filling, _written) = (_written ?? new PartBuilder(_contract), full);
    }

    private async Task WriteAsync(PartBuilder part, string path)
    {
        var start = _time.GetTimestamp();
        await part.WriteAsync(path, CancellationToken.None);
        _wrote += _time.GetElapsedTime(start);
    }
}
