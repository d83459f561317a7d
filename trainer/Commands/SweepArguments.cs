using Cocona;
using Headstart.Trainer.Runs;
using Headstart.Trainer.Sweeps;
using Headstart.Trainer.Tensors;

namespace Headstart.Trainer.Commands;

/// <summary>The options of <c>trainer sweep</c>.</summary>
public sealed record SweepArguments(
    [Argument("CACHE", Description = "The features to train on: a folder that 'extractor extract' wrote.")] string Cache,
    [Option("space", Description = "A JSON file that says what to try: docs/SWEEPS.md has examples.")] string Space,
    [Option("out", Description = "The sweep's folder; made if missing, never overwritten.")] string Out,
    [Option("val", Description = "Another cache to validate on.")] string? Val = null,
    [Option("val-split", Description = "Fraction of each class to validate on, where the cache names no split.")] double ValSplit = 0.2,
    [Option("layer", Description = "The layer to read, where the space names none; the deepest when left out.")] string? Layer = null,
    [Option("folds", Description = "Cross-validate: divide the images into so many folds, each of which judges once.")] int? Folds = null,
    [Option("model", Description = "The base that made the cache; needed where the space unfreezes a part of it.")] string? Model = null,
    [Option("device", Description = "Where to compute.")] DeviceChoice Device = DeviceChoice.Auto,
    [Option(
        "require-complete", Description = "Refuse a cache that doesn't hold every image of its extraction, or of which that isn't known.")]
    bool RequireComplete = false,
    [Option("resume", Description = "Go on with a sweep that was ended, to the same leaderboard. Begins one where there is none.")]
    bool Resume = false,
    [Option("json", Description = "One JSON object on standard output, words on standard error.")] bool Json = false) : ICommandParameterSet
{
    /// <summary>What of it a sweep is made from.</summary>
    internal SweepRequest ToRequest() => Choices.Copy(this, new SweepRequest { Cache = Cache, Space = Space, Out = Out });
}
