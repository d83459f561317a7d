using Headstart.CommandLine;
using Headstart.Trainer.FineTuning;
using Headstart.Trainer.Tensors;
using Headstart.Trainer.Training;

namespace Headstart.Trainer.Runs;

/// <summary>
/// What <c>trainer finetune</c> is asked: the part of its command line that a run is made from, and that <c>run.json</c> and
/// <c>resume.json</c> keep.
/// </summary>
/// <remarks>Files hold it under the properties' names, as of <see cref="TrainRequest"/>.</remarks>
internal sealed record FinetuneRequest
{
    /// <summary>The folder of the run that it goes on from.</summary>
    public required string Run { get; init; }

    /// <summary>The new run's folder.</summary>
    public required string Out { get; init; }

    /// <summary>The file of the base.</summary>
    public required string Model { get; init; }

    [Choice("cache")]
    public string? Cache { get; init; }

    [Choice("images")]
    public string? Images { get; init; }

    [Choice("val")]
    public string? Val { get; init; }

    [Choice("run-cache")]
    public string? RunCache { get; init; }

    [Choice("unfreeze", Swept = true)]
    public string? Unfreeze { get; init; }

    [Choice("unfreeze-from", Swept = true)]
    public string? UnfreezeFrom { get; init; }

    [Choice("lr", Swept = true)]
    public double LearningRate { get; init; } = 1e-5;

    [Choice("head-lr", Swept = true)]
    public double? HeadLearningRate { get; init; }

    [Choice("lr-decay", Swept = true)]
    public double DepthDecay { get; init; } = 1;

    [Choice("gradual", Swept = true)]
    public int? Gradual { get; init; }

    [Choice("epochs", Swept = true)]
    public int Epochs { get; init; } = 10;

    [Choice("batch", Swept = true)]
    public int Batch { get; init; } = 16;

    [Choice("augment")]
    public bool Augment { get; init; }

    [Choice("optimizer", Swept = true)]
    public OptimizerChoice Optimizer { get; init; }

    [Choice("schedule", Swept = true)]
    public Schedule Schedule { get; init; }

    [Choice("warmup", Swept = true)]
    public double WarmUp { get; init; }

    [Choice("weight-decay", Swept = true)]
    public double? WeightDecay { get; init; }

    [Choice("clip", Swept = true)]
    public double? Clip { get; init; }

    [Choice("label-smoothing", Swept = true)]
    public double LabelSmoothing { get; init; }

    [Choice("class-weights")]
    public string? ClassWeights { get; init; }

    [Choice("early-stop", Swept = true)]
    public int? EarlyStop { get; init; }

    [Choice("seed")]
    public long? Seed { get; init; }

    [Choice("precision", Swept = true)]
    public ComputePrecision Precision { get; init; }

    [Choice("device")]
    public DeviceChoice Device { get; init; }

    /// <summary>The command that repeats it, as it would be typed.</summary>
    internal string Command => Choices.Command(
        ["trainer", "finetune", ShellWord.Quote(Run), "--out", ShellWord.Quote(Out), "--model", ShellWord.Quote(Model)],
        this,
        new FinetuneRequest { Run = Run, Out = Out, Model = Model });

    /// <summary>How a base is tuned by it.</summary>
    /// <param name="head">How the head was trained that it goes on from: gives what is left out.</param>
    /// <exception cref="CommandException">A value that makes no sense; the message names the option.</exception>
    internal TuningOptions ToOptions(TrainingOptions head)
    {
        if ((Cache is null) == (Images is null))
            throw CommandException.Usage("Give either --cache, with the layer before the unfrozen part, or --images.");
        var training = Choices.Copy(this, new TrainingOptions { ClassWeights = head.ClassWeights, Seed = head.Seed });
        var options = Choices.Copy(this, new TuningOptions { Training = training });
        options.Validate();
        return options;
    }

    /// <summary>This request, for a run that was begun with it and now goes on as another command line asks.</summary>
    /// <param name="now">Says where everything is.</param>
    /// <param name="given">The options that were typed now; those that decide about the numbers must be as they were.</param>
    /// <exception cref="CommandException">One is not; the message names it.</exception>
    internal FinetuneRequest ContinuedAs(FinetuneRequest now, IReadOnlySet<string> given)
    {
        // Where things are may change from one command line to the next.
        Choices.RequireSame(now.Out, given, now, this, "cache", "images", "val", "run-cache");
        if ((now.Cache is null) != (Cache is null))
        {
            throw CommandException.Usage(
                $"{now.Out} was begun with {(Cache is null ? "--images" : "--cache")}, and the last digits of features that are computed " +
                "again differ: go on with that, or give another --out.");
        }

        return this with
        {
            Run = now.Run,
            Out = now.Out,
            Model = now.Model,
            Cache = now.Cache,
            Images = now.Images,
            Val = now.Val ?? Val,
            RunCache = now.RunCache ?? RunCache,
        };
    }
}
