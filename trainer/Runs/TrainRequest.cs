using Headstart.CommandLine;
using Headstart.Trainer.Evaluation;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Tensors;
using Headstart.Trainer.Training;

namespace Headstart.Trainer.Runs;

/// <summary>
/// What <c>trainer train</c> is asked: the part of its command line that a run is made from, and that <c>run.json</c> and
/// <c>resume.json</c> keep.
/// </summary>
/// <remarks>
/// Files hold it under the properties' names. A name that is gone is ignored where an old file has it; a new one takes its default.
/// </remarks>
internal sealed record TrainRequest
{
    /// <summary>The folder of the cache to train on; of several the first.</summary>
    public required string Cache { get; init; }

    /// <summary>The other caches; null when there are none.</summary>
    public string[]? More { get; init; }

    /// <summary>The run's folder.</summary>
    public required string Out { get; init; }

    /// <summary>The folder of pictures for the report; it changes no number.</summary>
    public string? Images { get; init; }

    [Choice("val")]
    public string? Val { get; init; }

    [Choice("val-split")]
    public double ValSplit { get; init; } = 0.2;

    [Choice("layer", Swept = true)]
    public string? Layer { get; init; }

    [Choice("head", Swept = true)]
    public string Head { get; init; } = HeadSpec.Reference;

    [Choice("epochs", Swept = true)]
    public int Epochs { get; init; } = 10;

    [Choice("batch", Swept = true)]
    public int Batch { get; init; } = 32;

    [Choice("optimizer", Swept = true)]
    public OptimizerChoice Optimizer { get; init; }

    [Choice("lr", Swept = true)]
    public double LearningRate { get; init; } = 1e-4;

    [Choice("schedule", Swept = true)]
    public Schedule Schedule { get; init; }

    [Choice("warmup", Swept = true)]
    public double WarmUp { get; init; }

    [Choice("l2", Swept = true)]
    public double? L2 { get; init; }

    [Choice("weight-decay", Swept = true)]
    public double? WeightDecay { get; init; }

    [Choice("clip", Swept = true)]
    public double? Clip { get; init; }

    [Choice("label-smoothing", Swept = true)]
    public double LabelSmoothing { get; init; }

    [Choice("class-weights", Swept = true)]
    public string ClassWeights { get; init; } = Training.ClassWeights.None;

    [Choice("threshold")]
    public string Threshold { get; init; } = ThresholdRule.Default;

    [Choice("early-stop", Swept = true)]
    public int? EarlyStop { get; init; }

    [Choice("seed", Swept = true)]
    public long Seed { get; init; }

    [Choice("device")]
    public DeviceChoice Device { get; init; }

    /// <summary>As <see cref="Features.MemorySize.ToString"/> writes it.</summary>
    [Choice("memory")]
    public string? Memory { get; init; }

    [Choice("block-rows")]
    public int? BlockRows { get; init; }

    /// <summary>All caches to train on.</summary>
    internal IReadOnlyList<string> Caches => [Cache, .. More ?? []];

    /// <summary>The command that repeats it, as it would be typed.</summary>
    internal string Command => Choices.Command(
        ["trainer", "train", .. Caches.Select(ShellWord.Quote), "--out", ShellWord.Quote(Out)], this,
        new TrainRequest { Cache = Cache, Out = Out });

    /// <summary>How a head is trained by it.</summary>
    /// <exception cref="CommandException">A value that makes no sense; the message names the option.</exception>
    internal TrainingOptions ToOptions()
    {
        if (BlockRows < 1)
            throw CommandException.Usage($"--block-rows {BlockRows}: a block has at least 1 image.");
        var options = Choices.Copy(this, new TrainingOptions());
        options.Validate();
        return options;
    }

    /// <summary>This request, for a run that was begun with it and now goes on as another command line asks.</summary>
    /// <param name="now">Says where the caches and the run are.</param>
    /// <param name="given">The options that were typed now; those that decide about the numbers must be as they were.</param>
    /// <exception cref="CommandException">One is not; the message names it.</exception>
    internal TrainRequest ContinuedAs(TrainRequest now, IReadOnlySet<string> given)
    {
        // A cache may have moved; whether it is the same one is seen from its digests.
        Choices.RequireSame(now.Out, given, now, this, except: "val");
        if (given.Contains("val") && Val is null)
            throw CommandException.Usage(
                $"--val {now.Val}: {now.Out} was begun without. Leave --val out to go on with that, or give another --out.");
        if (now.Caches.Count != Caches.Count)
        {
            throw CommandException.Usage(
                $"{now.Out} was begun with {Caches.Count} caches ({string.Join(", ", Caches)}), and now there are {now.Caches.Count}. " +
                "Name the same ones, or give another --out.");
        }

        return this with { Cache = now.Cache, More = now.More, Images = now.Images, Val = now.Val ?? Val, Out = now.Out };
    }
}
