using System.Text.Json.Serialization;

namespace Headstart.Cache;

/// <summary>What a check of every byte of a cache found.</summary>
/// <param name="Rows">The rows of the parts that are whole.</param>
/// <param name="Files">The number of parts, whole or not.</param>
/// <param name="Damaged">Parts that are not what was written, each with what is wrong.</param>
/// <param name="Unfinished">Digests without a part: a run was killed just before it put the part there, or somebody deleted it.</param>
/// <param name="Strangers">Names that look like a part and that Headstart doesn't give; they were not read.</param>
/// <param name="Completeness">Whether the rows of the whole parts are all that there should be.</param>
public sealed record CacheVerification(
    long Rows, int Files, IReadOnlyList<DamagedFile> Damaged, IReadOnlyList<string> Unfinished, IReadOnlyList<string> Strangers,
    CacheCompleteness Completeness)
{
    /// <summary>
    /// Whether nothing is wrong but digests that are not there: of such a part nothing is known, and <c>extract</c> computes its rows anew.
    /// </summary>
    [JsonIgnore]
    public bool LacksOnlyDigests => Damaged.Count > 0 && Damaged.All(d => !File.Exists(CachePart.DigestPath(d.File)));

    /// <summary>Checks every part against its digest.</summary>
    /// <exception cref="CommandException">There is no cache.</exception>
    public static async Task<CacheVerification> RunAsync(string folder, CancellationToken cancellationToken)
    {
        if (!FeatureCache.Exists(folder))
            throw new CommandException($"No cache in {folder}: it has no parts{FeatureCache.Others(folder)}.");
        var damaged = new List<DamagedFile>();
        var parts = new CacheFolder(folder).Parts;
        var rows = new List<(string Part, CacheRow Row)>();
        PartContracts? contracts = null;
        foreach (var path in parts)
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                using var content = CachePart.ReadWhole(path);
                var (contract, found) = await FeatureCache.ReadRowsAsync(content.OpenStream(), path, cancellationToken);
                contracts = PartContracts.Join(contracts, contract, path);
                rows.AddRange(found.Select(r => (path, r)));
            }
            catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException or CommandException)
            {
                damaged.Add(new DamagedFile(path, e.Message));
            }
        }

        var completeness = CacheCompleteness.Of(folder, rows, [.. contracts?.Common.Layers.Select(l => l.Name) ?? []]);
        return new CacheVerification(rows.Count, parts.Count, damaged, new CacheFolder(folder).DigestsWithoutPart(),
            new CacheFolder(folder).Strangers, completeness);
    }
}

/// <summary>A part of a cache that is not what was written.</summary>
public sealed record DamagedFile(string File, string Reason);
