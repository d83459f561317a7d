using Headstart.Training.Commands;

namespace Headstart.Training.Runs;

/// <summary>What <c>resume.json</c> says while a run is not finished: how it was begun.</summary>
/// <param name="Arguments">As they were typed.</param>
/// <param name="Started">When.</param>
/// <param name="Versions">The versions that began it; others may round differently.</param>
/// <param name="Threads">That compute; another number may round differently.</param>
/// <param name="Cache">What was in the cache.</param>
/// <param name="ValidationCache">What was in the cache that validates, where it is another one.</param>
internal sealed record RunStart(
    TrainArguments Arguments, DateTimeOffset Started, RunVersions Versions, int Threads, CacheState Cache, CacheState? ValidationCache = null);
