using System.Globalization;
using CsvHelper;
using Headstart.Images;

namespace Headstart.Extraction.Planning;

/// <summary>
/// SHA-256 of a picture set's files; remembered beside the cache, so that files whose size and time haven't changed aren't read again.
/// </summary>
/// <remarks>
/// The memory is a CSV with the columns <c>path,size,modified,sha256</c> (modified in 100 ns since year 1, UTC). Losing it costs time only.
/// </remarks>
internal sealed class ImageDigests
{
    // A file that was changed this shortly before it was read may change again without its time telling.
    private static readonly TimeSpan ClockGrain = TimeSpan.FromSeconds(2);

    private readonly Dictionary<string, Entry> _entries;
    private readonly Dictionary<string, Entry> _unread;
    private readonly string _memory;
    private readonly DateTime _begun;
    private bool _unsaved;

    private ImageDigests(string memory, DateTime begun, IReadOnlyList<Entry> entries)
    {
        _memory = memory;
        _begun = begun;
        _entries = entries.Where(e => e.Sha256 is not null).ToDictionary(e => e.Path, StringComparer.Ordinal);
        _unread = entries.Where(e => e.Sha256 is null).ToDictionary(e => e.Path, StringComparer.Ordinal);
    }

    /// <summary>The digest of an image; null when its file can't be read, or was not read because nothing can be equal to it.</summary>
    public string? this[ImageItem item] => _entries.GetValueOrDefault(item.Path)?.Sha256;

    /// <summary>Digests for the images of a set.</summary>
    /// <param name="memory">The file that remembers them; need not be there.</param>
    /// <param name="rehash">Read every file, whatever is remembered.</param>
    /// <param name="all">Read every file that is not remembered. Otherwise only those that have the size of another one: to find exact
    /// duplicates, no more is needed.</param>
    public static ImageDigests Take(
        ImageSet images, string memory, bool rehash, bool all, int workers, TimeProvider time, CancellationToken cancellationToken)
    {
        var begun = time.GetUtcNow().UtcDateTime;
        var remembered = rehash ? [] : Load(memory);
        var found = new Entry?[images.Items.Count];
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = workers, CancellationToken = cancellationToken };
        Parallel.For(0, found.Length, parallel, i =>
        {
            var item = images.Items[i];
            if (Stat(item.File) is not var (size, modified))
                return;
            found[i] = remembered.GetValueOrDefault(item.Path) is { } known && known.Size == size && known.Modified == modified
                ? known
                : new Entry(item.Path, size, modified, null);
        });

        var ofSize = found.OfType<Entry>().GroupBy(e => e.Size).ToDictionary(g => g.Key, g => g.Count());
        var hashed = 0;
        Parallel.For(0, found.Length, parallel, i =>
        {
            if (found[i] is not { Sha256: null } entry || !(all || ofSize[entry.Size] > 1))
                return;
            Interlocked.Increment(ref hashed);
            try
            {
                found[i] = entry with { Sha256 = DecodedPicture.Digest(images.Items[i].File) };
            }
            catch (ImageRejectedException)
            {
                // It is rejected with its reason when it comes to be decoded.
                found[i] = null;
            }
        });

        var digests = new ImageDigests(memory, begun, [.. found.OfType<Entry>()]) { _unsaved = hashed > 0 };
        digests.Save();
        return digests;
    }

    /// <summary>Takes over what was found while an image was decoded, so that the next run need not read it.</summary>
    /// <remarks>
    /// Where the file was changed after <see cref="Take"/> looked at it, its time has changed too, and the next run reads it again.
    /// </remarks>
    public void Learn(ImageItem item, string sha256)
    {
        if (!_unread.Remove(item.Path, out var entry))
            return;
        _entries.Add(item.Path, entry with { Sha256 = sha256 });
        _unsaved = true;
    }

    /// <summary>Writes the memory, if there is anything new to remember.</summary>
    public void Save()
    {
        if (!_unsaved)
            return;
        _unsaved = false;
        var settled = (_begun - ClockGrain).Ticks;
        AtomicFile.Write(_memory, stream =>
        {
            using var csv = new CsvWriter(new StreamWriter(stream, leaveOpen: true), CultureInfo.InvariantCulture);
            csv.WriteRecords(_entries.Values.Where(e => e.Modified < settled));
        });
    }

    // Of the file itself: a link has a length and a time of its own.
    private static (long Size, long Modified)? Stat(string file)
    {
        try
        {
            var info = new FileInfo(file);
            if (info.LinkTarget is not null)
                info = new FileInfo(RealPath.Of(file));
            return info.Exists ? (info.Length, info.LastWriteTimeUtc.Ticks) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static Dictionary<string, Entry> Load(string path)
    {
        var entries = new Dictionary<string, Entry>(StringComparer.Ordinal);
        if (!File.Exists(path))
            return entries;
        try
        {
            using var csv = new CsvReader(new StreamReader(path), CultureInfo.InvariantCulture);
            foreach (var entry in csv.GetRecords<Entry>().Where(e => e.Sha256 is { Length: > 0 }))
                entries[entry.Path] = entry;
        }
        catch (Exception e) when (e is CsvHelperException or IOException or UnauthorizedAccessException)
        {
            // Every file is read again.
            entries.Clear();
        }

        return entries;
    }

    /// <param name="Sha256">Null where the file was not read.</param>
    private sealed record Entry(string Path, long Size, long Modified, string? Sha256);
}
