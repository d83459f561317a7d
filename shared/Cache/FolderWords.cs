namespace Headstart.Cache;

/// <summary>What users of a cache should know about its folder, one line each.</summary>
public static class FolderWords
{
    /// <summary>Names the files that are not read, see <see cref="CacheFolder.Strangers"/>; null where there are none.</summary>
    public static string? Strangers(string folder, IReadOnlyList<string> names) => names.Count == 0
        ? null
        : $"{folder}: {Named(names)} {(names.Count == 1 ? "is" : "are")} not by the names that 'extract' gives: left alone, and not read.";

    private static string Named(IReadOnlyList<string> names) => names.Count <= 3
        ? string.Join(", ", names)
        : $"{string.Join(", ", names.Take(3))} and {names.Count - 3:N0} more";

    /// <summary>Says on standard error what a reader of a cache should know; nothing where all is well.</summary>
    /// <param name="requireComplete">Refuse a cache that is not complete, or of which it is not known.</param>
    /// <exception cref="CommandException">Refused.</exception>
    public static void Warn(FeatureCache cache, bool requireComplete, TextWriter error)
    {
        if (Strangers(cache.Folder, cache.Strangers) is { } strangers)
            error.WriteLine($"warning: {strangers}");
        if (cache.Doubled is > 0 and var doubled)
        {
            error.WriteLine(
                $"warning: {cache.Folder} has {doubled:N0} {(doubled == 1 ? "row" : "rows")} twice, and counts of images include them: " +
                "run extract again, which keeps one of each and computes nothing twice.");
        }

        if (cache.Completeness.Complete == true)
            return;
        if (requireComplete)
            throw new CommandException($"{cache.Folder} is {cache.Completeness.Words}. Leave --require-complete out to take it as it is.");
        if (cache.Completeness.Complete == false)
            error.WriteLine($"warning: {cache.Folder} is {cache.Completeness.Words}.");
    }
}
