using Headstart.CommandLine;

namespace Headstart.Cache;

/// <summary>Adds rows to a cache folder, part after part. Holds the cache's lock, so there is one writer.</summary>
/// <remarks>Not thread-safe. What was not flushed when it is disposed is lost.</remarks>
public sealed class CacheWriter
{
    /// <summary>A part is written when it is full or this old, so that a killed run loses less than half a minute of work.</summary>
    public static readonly TimeSpan MaximumAge = TimeSpan.FromSeconds(20);

    private readonly CacheFolder _folder;
    private readonly PartBuilder _part;
    private readonly TimeProvider _time;
    private long _partBegun;
    private int _nextNumber;

    /// <param name="folder">Where the parts go.</param>
    /// <param name="contract">Of the rows.</param>
    /// <param name="firstNumber">Parts are numbered from here, or from above those that are there.</param>
    public CacheWriter(CacheFolder folder, CacheContract contract, TimeProvider time, int firstNumber = 0)
    {
        _folder = folder;
        _time = time;
        _part = new PartBuilder(contract);
        folder.CleanUp();
        _nextNumber = Math.Max(firstNumber, folder.NextNumber());
    }

    /// <summary>Adds one row; writes the part when it is due.</summary>
    /// <param name="row">Everything but the features.</param>
    /// <param name="layers">One memory per layer of the contract, in its order, each C x H x W floats; copied.</param>
    /// <exception cref="CommandException">The part can't be written.</exception>
    public async Task AddAsync(CacheRow row, IReadOnlyList<ReadOnlyMemory<float>> layers)
    {
        if (_part.Count == 0)
            _partBegun = _time.GetTimestamp();
        _part.Add(row, layers);
        if (_part.IsFull || _time.GetElapsedTime(_partBegun) >= MaximumAge)
            await FlushAsync().ConfigureAwait(false);
    }

    /// <summary>Writes the rows added since the last part.</summary>
    /// <exception cref="CommandException">The part can't be written.</exception>
    public async Task FlushAsync()
    {
        if (_part.Count == 0)
            return;
        await _part.WriteAsync(_folder.PartPath(_nextNumber), CancellationToken.None).ConfigureAwait(false);
        _nextNumber++;
    }
}
