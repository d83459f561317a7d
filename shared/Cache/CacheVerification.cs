using Headstart.CommandLine;
using Parquet;

namespace Headstart.Cache;

/// <summary>What a check of every byte of a cache found.</summary>
/// <param name="Rows">The rows of the parts that are whole.</param>
/// <param name="Files">The number of parts, whole or not.</param>
/// <param name="Damaged">Parts that are not what was written, each with what is wrong.</param>
/// <param name="Unfinished">Digests without a part: a run was killed just before it put the part there, or somebody deleted it.</param>
public sealed record CacheVerification(long Rows, int Files, IReadOnlyList<DamagedFile> Damaged, IReadOnlyList<string> Unfinished)
{
    /// <summary>Checks every part against its digest.</summary>
    /// <exception cref="CommandException">There is no cache.</exception>
    public static async Task<CacheVerification> RunAsync(string folder, CancellationToken cancellationToken)
    {
        if (!FeatureCache.Exists(folder))
            throw new CommandException($"No cache in {folder}: it has no .parquet files.");
        var damaged = new List<DamagedFile>();
        var parts = new CacheFolder(folder).Parts;
        var rows = 0L;
        foreach (var path in parts)
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                using var content = CachePart.ReadWhole(path);
                var reader = await ParquetReader.CreateAsync(content.OpenStream(), cancellationToken: cancellationToken).ConfigureAwait(false);
                await using var _ = reader.ConfigureAwait(false);
                rows += reader.RowGroups.Sum(g => g.RowCount);
            }
            catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
            {
                damaged.Add(new DamagedFile(path, e.Message));
            }
        }

        return new CacheVerification(rows, parts.Count, damaged, new CacheFolder(folder).DigestsWithoutPart());
    }
}

/// <summary>A part of a cache that is not what was written.</summary>
public sealed record DamagedFile(string File, string Reason);
