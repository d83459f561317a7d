namespace Headstart.Trainer.Runs;

/// <summary>What <c>resume.json</c> says while a run is not finished: how it was begun.</summary>
/// <param name="Started">When.</param>
/// <param name="Versions">The versions that began it; others may round differently.</param>
/// <param name="Threads">That compute; another number may round differently.</param>
/// <param name="Cache">What was in the cache, of several in the first.</param>
/// <param name="ValidationCache">What was in the cache that validates, where it is another one.</param>
/// <param name="Arguments">The arguments of <c>trainer train</c>, as they were typed; null for other commands.</param>
/// <param name="Tuning">Those of <c>trainer finetune</c>, likewise.</param>
/// <param name="MoreCaches">What was in the other caches that train.</param>
internal sealed record RunStart(
    DateTimeOffset Started, RunVersions Versions, int Threads, CacheState Cache, CacheState? ValidationCache = null,
    TrainRequest? Arguments = null, FinetuneRequest? Tuning = null, IReadOnlyList<CacheState>? MoreCaches = null)
{
    /// <summary>Holds the run to the caches that it was begun with.</summary>
    /// <param name="now">As they are now.</param>
    /// <param name="folders">Where they are now, and the run, for messages.</param>
    /// <exception cref="CommandException">One has changed.</exception>
    public void RequireSame(CachesState now, (IReadOnlyList<string> Caches, string? Val, string Out) folders)
    {
        foreach (var (folder, (before, after)) in folders.Caches.Zip(((IReadOnlyList<CacheState>)[Cache, .. MoreCaches ?? []]).Zip(now.Caches)))
            Require(folder, after.ChangeSince(before));
        if (now.Validation is not null && ValidationCache is not null)
            Require(folders.Val!, now.Validation.ChangeSince(ValidationCache));

        void Require(string folder, string? change)
        {
            if (change is not null)
            {
                throw new CommandException($"{folder} is not what it was when the run in {folders.Out} began: {change}. " +
                    "Wait until nothing writes to it, then train into another --out, or delete that folder first.");
            }
        }
    }
}
