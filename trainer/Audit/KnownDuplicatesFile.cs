using Headstart.Trainer.Features;

namespace Headstart.Trainer.Audit;

/// <summary>Leaves the near duplicates in the cache, for <see cref="KnownDuplicates"/>.</summary>
internal static class KnownDuplicatesFile
{
    /// <returns>Null when written, otherwise why not: the audit of a cache that can't be written to is as good.</returns>
    public static string? TryWrite(string cacheFolder, IEnumerable<DuplicatePair> pairs)
    {
        try
        {
            var near = pairs.Where(p => !p.IsExact).Select(p => (string?[])[p.Image.Sha256, p.Other.Sha256]);
            AuditTables.Table(cacheFolder, KnownDuplicates.FileName, ["sha256", "other_sha256"], near);
            return null;
        }
        catch (CommandException e)
        {
            return $"{e.Message} Without it, 'trainer train' can't warn of near duplicates.";
        }
    }
}
