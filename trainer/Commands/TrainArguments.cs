using Cocona;
using Headstart.CommandLine;
using Headstart.Trainer.Evaluation;
using Headstart.Trainer.Features;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Runs;
using Headstart.Trainer.Tensors;
using Headstart.Trainer.Training;

namespace Headstart.Trainer.Commands;

/// <summary>The options of <c>trainer train</c>.</summary>
public sealed record TrainArguments(
    [Argument("CACHE",
        Description = "The features to train on: a folder that 'extractor extract' wrote. More may follow; classes are matched by name.")]
    string Cache,
    [Option("out", Description = "The run's folder; made if missing, never overwritten.")] string Out,
    [Option("val", Description = "Another cache to validate on.")] string? Val = null,
    [Option("val-split", Description = "Fraction of each class to validate on, where the cache names no split.")] double ValSplit = 0.2,
    [Option("layer", Description = "The layer to read; the deepest when left out.")] string? Layer = null,
    [Option("head", Description = "Pieces: flatten, gap, gmp, avgpool(k), dense(n[, activation]), dropout(p), batchnorm, layernorm, " +
        "l2norm. The output layer follows from the classes.")]
    string Head = HeadSpec.Reference,
    [Option("epochs", Description = "How often every image is seen.")] int Epochs = 10,
    [Option("batch", Description = "Images a step.")] int Batch = 32,
    [Option(
        "optimizer", Description =
            "adam as in Keras; adamw, with weight decay; sgd, with momentum 0.9; lbfgs, the exact solution of a linear head such as gap.")]
    OptimizerChoice Optimizer = OptimizerChoice.Adam,
    [Option("lr", Description = "The learning rate, at its highest.")] double LearningRate = 1e-4,
    [Option("schedule", Description = "cosine: down to 0. step: a tenth after half of the training, a hundredth after three quarters. " +
        "plateau: a tenth after 3 epochs without a lower validation loss.")]
    Schedule Schedule = Schedule.Constant,
    [Option("warmup", Description = "Epochs over which the learning rate rises to --lr; 0.5 is half of one.")] double WarmUp = 0,
    [Option("l2", Description = "Adds L2/2 times the kernels' squared length to the loss. lbfgs: 1 / (C x images) in scikit-learn's " +
        "terms, C = 1 when left out.")]
    double? L2 = null,
    [Option("weight-decay", Description = "Takes lr times this part of each kernel away at each step. adamw: 0.004 when left out.")]
    double? WeightDecay = null,
    [Option("clip", Description = "The longest that all gradients together may be.")] double? Clip = null,
    [Option("label-smoothing", Description = "The part of each label that is spread over all classes.")] double LabelSmoothing = 0,
    [Option("class-weights",
        Description = "balanced: every class counts the same, however many images it has. Or weights, such as cats=1,dogs=2.5.")]
    string ClassWeights = Training.ClassWeights.None,
    [Option("threshold", Description = "When to decide for the second of two classes: a probability, f1, recall=0.95, or cost=FP:FN such " +
        "as cost=1:5; fitted on validation images, after the temperature. Stored in the run, for evaluate and the exported model.")]
    string Threshold = ThresholdRule.Default,
    [Option("early-stop", Description = "Stop after so many epochs without a lower validation loss, and keep the best.")]
    int? EarlyStop = null,
    [Option("seed", Description = "Equal seeds give equal numbers.")] long Seed = 0,
    [Option("device", Description = "Where to compute.")] DeviceChoice Device = DeviceChoice.Auto,
    [Option("images", Description = "The pictures that were extracted, to be shown in report.html.")] string? Images = null,
    [Option(
        "require-complete", Description = "Refuse a cache that doesn't hold every image of its extraction, or of which that isn't known.")]
    bool RequireComplete = false,
    [Option("resume",
        Description = "Go on with a run that was ended, with its own options, to the same numbers. Begins one where there is none.")]
    bool Resume = false,
    [Option("checkpoint-every", Description = "Seconds of work that a killed run loses at most, an unfinished epoch apart.")]
    double CheckpointEvery = 10,
    [Option("json", Description = "One JSON object on standard output, words on standard error.")] bool Json = false,
    [Option("memory", Description = "What the whole process may take, such as 2G: features that don't fit are read from disk in every " +
        "epoch. Left out: as much as they need, up to 70% of the machine's.")]
    string? Memory = null,
    [Option("block-rows", Description = "Read the features again in every epoch, in blocks of so many images that are shuffled together. " +
        "Follows from --memory when left out.")]
    int? BlockRows = null) : ICommandParameterSet
{
    /// <summary>The other caches to train on; null when there are none. See <see cref="MoreArgumentsAttribute"/>.</summary>
    public string[]? More { get; init; }

    /// <summary>What of it a run is made from.</summary>
    /// <exception cref="CommandException">A size of memory, or a time, that makes no sense.</exception>
    internal TrainRequest ToRequest()
    {
        CheckpointInterval.Require(CheckpointEvery);
        return Choices.Copy(this, new TrainRequest { Cache = Cache, Out = Out }) with
        {
            Memory = Memory is null ? null : MemorySize.Parse(Memory).ToString(),
        };
    }

    /// <summary>How it is made.</summary>
    internal RunControl ToControl() => new(Resume, RequireComplete, TimeSpan.FromSeconds(CheckpointEvery));
}
