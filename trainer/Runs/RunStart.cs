using Headstart.CommandLine;
using Headstart.Training.Commands;

namespace Headstart.Training.Runs;

/// <summary>What <c>resume.json</c> says while a run is not finished: how it was begun.</summary>
/// <param name="Started">When.</param>
/// <param name="Versions">The versions that began it; others may round differently.</param>
/// <param name="Threads">That compute; another number may round differently.</param>
/// <param name="Cache">What was in the cache.</param>
/// <param name="ValidationCache">What was in the cache that validates, where it is another one.</param>
/// <param name="Arguments">The arguments of <c>trainer train</c>, as they were typed; null for other commands.</param>
/// <param name="Tuning">Those of <c>trainer finetune</c>, likewise.</param>
internal sealed record RunStart(
    DateTimeOffset Started, RunVersions Versions, int Threads, CacheState Cache, CacheState? ValidationCache = null,
    TrainArguments? Arguments = null, FinetuneArguments? Tuning = null)
{
    /// <summary>Holds the run to the caches that it was begun with.</summary>
    /// <param name="now">As they are now.</param>
    /// <param name="folders">Where they are now, and the run, for messages.</param>
    /// <exception cref="CommandException">One has changed.</exception>
    public void RequireSame(CachesState now, (string Cache, string? Val, string Out) folders)
    {
        Require(folders.Cache, now.Cache.ChangeSince(Cache));
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
