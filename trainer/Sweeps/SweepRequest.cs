using Headstart.CommandLine;
using Headstart.Trainer.Runs;
using Headstart.Trainer.Tensors;

namespace Headstart.Trainer.Sweeps;

/// <summary>
/// What <c>trainer sweep</c> is asked: the part of its command line that the sweep is made from, and that <c>resume.json</c> keeps.
/// </summary>
internal sealed record SweepRequest
{
    /// <summary>The folder of the cache to train on.</summary>
    public required string Cache { get; init; }

    /// <summary>The file that says what to try.</summary>
    public required string Space { get; init; }

    /// <summary>The sweep's folder.</summary>
    public required string Out { get; init; }

    [Choice("val")]
    public string? Val { get; init; }

    [Choice("model")]
    public string? Model { get; init; }

    [Choice("val-split")]
    public double ValSplit { get; init; } = 0.2;

    [Choice("layer")]
    public string? Layer { get; init; }

    [Choice("folds")]
    public int? Folds { get; init; }

    [Choice("device")]
    public DeviceChoice Device { get; init; }

    /// <summary>Where the best trial's run goes.</summary>
    internal string Best => Path.Combine(Out, "best");

    /// <summary>Where the run goes that the best trial is tuned from, if it is tuned.</summary>
    internal string BestHead => Path.Combine(Out, "head");

    /// <summary>What every trial has in common.</summary>
    internal TrialOptions Basis => new(
        new TrainRequest { Cache = Cache, Out = Best, Val = Val, ValSplit = ValSplit, Layer = Layer, Device = Device },
        new FinetuneRequest { Run = BestHead, Out = Best, Model = Model ?? "", Cache = Cache, Device = Device });

    /// <summary>The command that repeats the sweep, given the space file.</summary>
    internal string Command => Choices.Command(
        ["trainer", "sweep", ShellWord.Quote(Cache), "--space", ShellWord.Quote(Space), "--out", ShellWord.Quote(Out)],
        this,
        new SweepRequest { Cache = Cache, Space = Space, Out = Out });

    /// <param name="space">What is tried.</param>
    /// <exception cref="CommandException">A value that makes no sense; the message names the option.</exception>
    internal void Validate(SweepSpace space)
    {
        if (space.Tunes && Model is null)
        {
            throw CommandException.Usage($"{Space}: options.{space.Options.First(o => o.Option.Part == SpacePart.Depth).Option.Name}: to " +
                "tune a base takes the base. " +
                $"Give the model that made {Cache}, with --model FILE.onnx.");
        }

        if (!space.Tunes && Model is not null)
            throw CommandException.Usage(
                $"--model {Model}: nothing in {Space} tunes it. Add \"unfreeze\": [0, 1] to its options, or leave --model out.");
        if (Folds < 2)
            throw CommandException.Usage($"--folds {Folds}: there must be at least 2.");
        if (Folds is not null && Val is not null)
        {
            throw CommandException.Usage(
                "--folds and --val: folds divide one cache so that every image judges once, and --val gives another to judge by. " +
                "Leave one of them out.");
        }
    }

    /// <summary>Holds a sweep that goes on to how it was begun. Where things are may change.</summary>
    /// <param name="begun">Then.</param>
    /// <exception cref="CommandException">An option differs; the message names it.</exception>
    internal void RequireSame(SweepRequest begun)
    {
        foreach (var ((option, value), (_, before)) in Choices.Of(this).Zip(Choices.Of(begun)))
        {
            if (option == "model" || (option == "val" ? value is null == before is null : Equals(value, before)))
                continue;
            throw CommandException.Usage($"--{option} {CommandText.Value(value)}: {Out} was begun with {CommandText.Value(before)}. Give " +
                "that to go on, or another --out.");
        }
    }
}
