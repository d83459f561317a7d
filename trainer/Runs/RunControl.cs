
namespace Headstart.Trainer.Runs;

/// <summary>How a run is made, as far as no number depends on it; not stored.</summary>
/// <param name="Resume">Whether an unfinished run may be there, to go on with.</param>
/// <param name="RequireComplete">Whether a cache must hold every image of its extraction.</param>
/// <param name="CheckpointInterval">What a killed run loses at most, an unfinished epoch apart.</param>
internal sealed record RunControl(bool Resume, bool RequireComplete, TimeSpan CheckpointInterval);
