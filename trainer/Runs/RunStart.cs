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
    /// <summary>How one is begun now.</summary>
    public static RunStart Now(CachesState caches, TimeProvider time) => new(
        time.GetUtcNow(), RunVersions.Current, TorchSharp.torch.get_num_threads(), caches.Caches[0], caches.Validation,
        MoreCaches: [.. caches.Caches.Skip(1)]);

    /// <summary>Holds the run to the caches that it was begun with.</summary>
    /// <param name="now">As they are now.</param>
    /// <param name="output">The run's folder, for messages.</param>
    /// <exception cref="CommandException">One has changed.</exception>
    public void RequireSame(CachesState now, string output) =>
        now.RequireSame([Cache, .. MoreCaches ?? []], ValidationCache, $"the run in {output}", "train");
}
