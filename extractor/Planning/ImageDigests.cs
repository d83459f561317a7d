using System.Globalization;
using CsvHelper;
using Headstart.Extraction.Pipeline;
using Headstart.Images;

namespace Headstart.Extraction.Planning;

/// <summary>SHA-256 of a picture set's files; remembered beside the cache, so that files whose size and time haven't changed aren't read again.</summary>
/// <remarks>The memory is a CSV with the columns <c>path,size,modified,sha256</c> (modified in 100 ns since year 1, UTC). Losing it costs time only.</remarks>
internal sealed class ImageDigests
{
    // A file that was changed this shortly before it was read may change again without its time telling.
    private static readonly TimeSpan ClockGrain = TimeSpan.FromSeconds(2);

    private readonly Dictionary<string, Entry> _entries;

    private ImageDigests(Dictionary<string, Entry> entries) => _entries = entries;

    /// <summary>The number of files that were read; the others were known.</summary>
    public int Hashed { get; private set; }

    /// <summary>The digest of an image, or null when its file can't be read.</summary>
    public string? this[ImageItem item] => _entries.GetValueOrDefault(item.Path)?.Sha256;

    /// <summary>Digests for all images of a set.</summary>
    /// <param name="memory">The file that remembers them; need not be there.</param>
    /// <param name="rehash">Read every file, whatever is remembered.</param>
    public static ImageDigests Take(ImageSet images, string memory, bool rehash, int workers, TimeProvider time, CancellationToken cancellationToken)
    {
        var remembered = rehash ? [] : Load(memory);
        var found = new Entry?[images.Items.Count];
        var hashed = 0;
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = workers, CancellationToken = cancellationToken };
        Parallel.For(0, found.Length, parallel, i =>
        {
            var item = images.Items[i];
            if (Stat(item.File) is not var (size, modified))
                return;
            if (remembered.GetValueOrDefault(item.Path) is { } known && known.Size == size && known.Modified == modified)
            {
                found[i] = known;
                return;
            }

            Interlocked.Increment(ref hashed);
            try
            {
                found[i] = new Entry(item.Path, size, modified, ImageLoader.Digest(item.File));
            }
            catch (ImageRejectedException)
            {
                // It is rejected with its reason when it comes to be decoded.
            }
        });

        var digests = new ImageDigests(found.OfType<Entry>().ToDictionary(e => e.Path, StringComparer.Ordinal)) { Hashed = hashed };
        if (hashed > 0)
            digests.Save(memory, time.GetUtcNow().UtcDateTime - ClockGrain);
        return digests;
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
            foreach (var entry in csv.GetRecords<Entry>())
                entries[entry.Path] = entry;
        }
        catch (Exception e) when (e is CsvHelperException or IOException or UnauthorizedAccessException)
        {
            // Every file is read again.
            entries.Clear();
        }

        return entries;
    }

    private void Save(string path, DateTime settledBefore) => AtomicFile.Write(path, stream =>
    {
        using var csv = new CsvWriter(new StreamWriter(stream, leaveOpen: true), CultureInfo.InvariantCulture);
        csv.WriteRecords(_entries.Values.Where(e => e.Modified < settledBefore.Ticks));
    });

    private sealed record Entry(string Path, long Size, long Modified, string Sha256);
}
