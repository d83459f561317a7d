using System.Buffers;
using Headstart.Trainer.Tensors;
using Microsoft.Win32.SafeHandles;

namespace Headstart.Trainer.Features;

/// <summary>Features that a cache gave once, as the head wants them, in a temporary file: read again faster than from the cache.</summary>
/// <remarks>
/// It has no name, so that nothing is left of it however the process ends. Where it can't be written, or gets too large, rows are missing
/// and the cache has to give them again. May be used from several threads.
/// </remarks>
internal sealed class SpillFile : IDisposable
{
    // A half stays free, for checkpoints and for everybody else.
    private const double PartOfFree = 0.5;

    private readonly SafeFileHandle _file;
    private readonly long _most;

    // Where a row's bytes begin and how many there are; 0 for a row that is missing.
    private readonly long[] _starts;
    private readonly int[] _lengths;
    private readonly Lock _writing = new();
    private long _end;
    private volatile bool _isFull;

    private SpillFile(SafeFileHandle file, long most, int rows)
    {
        _file = file;
        _most = most;
        _starts = new long[rows];
        _lengths = new int[rows];
    }

    /// <param name="folder">On the disk that gets it.</param>
    /// <param name="rows">How many there can be.</param>
    /// <returns>Null where the folder takes no file.</returns>
    public static SpillFile? TryCreate(string folder, int rows) => TryCreate(folder, rows, long.MaxValue);

    /// <param name="folder">On the disk that gets it.</param>
    /// <param name="rows">How many there can be.</param>
    /// <param name="most">Bytes that it may take; less where the disk has less than twice of that.</param>
    /// <returns>Null where the folder takes no file.</returns>
    public static SpillFile? TryCreate(string folder, int rows, long most)
    {
        var path = Path.Combine(folder, $".features-{Guid.NewGuid():N}");
        try
        {
            most = Math.Min(most, (long)(PartOfFree * new DriveInfo(Path.GetFullPath(folder)).AvailableFreeSpace));
            var file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Delete);
            File.Delete(path);
            return new SpillFile(file, most, rows);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Keeps a row, if there is room. One thread at a time may add a certain row.</summary>
    public void Add(int row, ReadOnlySpan<float> values)
    {
        if (_isFull || Volatile.Read(ref _lengths[row]) > 0)
            return;
        var packed = ArrayPool<byte>.Shared.Rent(ZeroSuppression.LongestLength(values.Length));
        try
        {
            var length = ZeroSuppression.Pack(values, packed);
            lock (_writing)
            {
                if (!_isFull)
                    Write(row, packed.AsSpan(0, length));
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(packed);
        }
    }

    /// <summary>Reads those rows that have a place to go to.</summary>
    /// <param name="firstRow">The row of the first place.</param>
    /// <returns>False when one of them is missing; some may have been read then.</returns>
    public bool TryRead(int firstRow, ReadOnlySpan<RowPlace> places)
    {
        for (var i = 0; i < places.Length; i++)
        {
            if (places[i].Target is not null && Volatile.Read(ref _lengths[firstRow + i]) == 0)
                return false;
        }

        for (var i = 0; i < places.Length; i++)
        {
            if (places[i].Target is { } target && !TryRead(firstRow + i, new TensorMemory(target, places[i].Slot, 1).GetSpan()))
                return false;
        }

        return true;
    }

    public void Dispose() => _file.Dispose();

    private void Write(int row, ReadOnlySpan<byte> packed)
    {
        _isFull = packed.Length > _most - _end;
        if (_isFull)
            return;
        try
        {
            RandomAccess.Write(_file, packed, _end);
        }
        catch (IOException)
        {
            // Somebody else filled the disk. A checkpoint needs the room more than this does; what is read from here on is missing.
            _isFull = true;
            RandomAccess.SetLength(_file, 0);
            return;
        }

        _starts[row] = _end;
        _end += packed.Length;
        Volatile.Write(ref _lengths[row], packed.Length);
    }

    private bool TryRead(int row, Span<float> values)
    {
        var length = _lengths[row];
        var packed = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            for (var read = 0; read < length;)
            {
                if (RandomAccess.Read(_file, packed.AsSpan(read, length - read), _starts[row] + read) is > 0 and var count)
                    read += count;
                else
                    return false;
            }

            ZeroSuppression.Unpack(packed.AsSpan(0, length), values);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(packed);
        }
    }
}
