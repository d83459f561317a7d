using Cocona;
using Headstart.CommandLine;
using Headstart.Training.Sweeps;

namespace Headstart.Training.Commands;

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
    [Option("require-complete", Description = "Refuse a cache that doesn't hold every image of its extraction, or of which that isn't known.")] bool RequireComplete = false,
    [Option("resume", Description = "Go on with a sweep that was ended, to the same leaderboard. Begins one where there is none.")] bool Resume = false,
    [Option("json", Description = "One JSON object on standard output, words on standard error.")] bool Json = false) : ICommandParameterSet
{
    /// <summary>Every option that decides about the numbers, where folders and the space apart.</summary>
    internal IReadOnlyList<(string Option, object? Value)> Choices => [("val-split", ValSplit), ("layer", Layer), ("folds", Folds), ("device", Device)];

    /// <summary>Where the best trial's run goes.</summary>
    internal string Best => Path.Combine(Out, "best");

    /// <summary>Where the run goes that the best trial is tuned from, if it is tuned.</summary>
    internal string BestHead => Path.Combine(Out, "head");

    /// <summary>What every trial has in common.</summary>
    internal TrialOptions Basis => new(
        new TrainArguments(Cache, Best, Val, ValSplit, Layer, Device: Device), new FinetuneArguments(BestHead, Best, Model ?? "", Cache, Device: Device));

    /// <summary>The command that repeats the sweep, given the space file.</summary>
    internal string Command => CommandText.Of(
        ["trainer", "sweep", CommandText.Quote(Cache), "--space", CommandText.Quote(Space), "--out", CommandText.Quote(Out)],
        [("val", Val), ("model", Model), .. Choices],
        [("val", null), ("model", null), .. new SweepArguments(Cache, Space, Out).Choices]);

    /// <param name="space">What is tried.</param>
    /// <exception cref="CommandException">A value that makes no sense; the message names the option.</exception>
    internal void Validate(SweepSpace space)
    {
        if (space.Tunes && Model is null)
            throw CommandException.Usage($"{Space}: options.{space.Options.First(o => o.Option.Part == SpacePart.Depth).Option.Name}: to tune a base takes the base. Give the model that made {Cache}, with --model FILE.onnx.");
        if (!space.Tunes && Model is not null)
            throw CommandException.Usage($"--model {Model}: nothing in {Space} tunes it. Add \"unfreeze\": [0, 1] to its options, or leave --model out.");
        if (Folds < 2)
            throw CommandException.Usage($"--folds {Folds}: there must be at least 2.");
        if (Folds is not null && Val is not null)
            throw CommandException.Usage("--folds and --val: folds divide one cache so that every image judges once, and --val gives another to judge by. Leave one of them out.");
    }

    /// <summary>Holds a sweep that goes on to how it was begun.</summary>
    /// <param name="begun">Then.</param>
    /// <exception cref="CommandException">An option differs; the message names it.</exception>
    internal void RequireSame(SweepArguments begun)
    {
        foreach (var ((option, value), (_, before)) in Choices.Zip(begun.Choices))
        {
            if (!Equals(value, before))
                throw CommandException.Usage($"--{option} {CommandText.Value(value)}: {Out} was begun with {CommandText.Value(before)}. Give that to go on, or another --out.");
        }

        if (Val is null != begun.Val is null)
            throw CommandException.Usage($"--val {CommandText.Value(Val)}: {Out} was begun with {CommandText.Value(begun.Val)}. Give that to go on, or another --out.");
    }
}
