using Cocona;
using Headstart.Trainer.FineTuning;
using Headstart.Trainer.Runs;
using Headstart.Trainer.Tensors;
using Headstart.Trainer.Training;

namespace Headstart.Trainer.Commands;

/// <summary>The options of <c>trainer finetune</c>.</summary>
public sealed record FinetuneArguments(
    [Argument("RUN", Description = "The run to go on from: a folder that 'trainer train' or 'trainer finetune' wrote.")] string Run,
    [Option("out", Description = "The new run's folder; made if missing, never overwritten.")] string Out,
    [Option("model", Description = "The base that made the run's features.")] string Model,
    [Option("cache", Description = "Features of the layer before the unfrozen part: only that part is computed. Give this or --images.")]
    string? Cache = null,
    [Option("images", Description = "The pictures: the whole base is computed for each. Give this or --cache.")] string? Images = null,
    [Option("val", Description = "The same (a cache, or pictures) of the validation images, where the run had them elsewhere.")]
    string? Val = null,
    [Option("run-cache", Description = "The cache that the run was trained on, where it isn't where the run says.")]
    string? RunCache = null,
    [Option("unfreeze", Description = "How many of the last blocks of a VGG to tune, or all; 1 when left out.")] string? Unfreeze = null,
    [Option("unfreeze-from", Description = "Tune everything that comes after this tensor of the base's graph.")]
    string? UnfreezeFrom = null,
    [Option("lr", Description = "The base's learning rate, at its highest.")] double LearningRate = 1e-5,
    [Option("head-lr", Description = "The head's; 10 times the base's when left out.")] double? HeadLearningRate = null,
    [Option("lr-decay", Description = "Each block's learning rate is this part of the next deeper one's.")] double DepthDecay = 1,
    [Option("gradual", Description = "Unfreeze one block more after so many epochs, the deepest first; all from the start when left out.")]
    int? Gradual = null,
    [Option("epochs", Description = "How often every image is seen.")] int Epochs = 10,
    [Option("batch", Description = "Images a step.")] int Batch = 16,
    [Option("augment", Description = "Train on augmented views: those in the cache, or a fresh one of each image for each epoch.")]
    bool Augment = false,
    [Option("optimizer", Description = "adam as in Keras; adamw, with weight decay; sgd, with momentum 0.9.")]
    OptimizerChoice Optimizer = OptimizerChoice.Adam,
    [Option("schedule", Description = "cosine, step or plateau, as of 'trainer train'.")] Schedule Schedule = Schedule.Constant,
    [Option("warmup", Description = "Epochs over which the learning rates rise; 0.5 is half of one.")] double WarmUp = 0,
    [Option("weight-decay", Description = "Takes lr times this part of each kernel away at each step. adamw: 0.004 when left out.")]
    double? WeightDecay = null,
    [Option("clip", Description = "The longest that all gradients together may be.")] double? Clip = null,
    [Option("label-smoothing", Description = "The part of each label that is spread over all classes.")] double LabelSmoothing = 0,
    [Option("class-weights", Description = "none, balanced, or weights such as cats=1,dogs=2.5; the run's when left out.")]
    string? ClassWeights = null,
    [Option("early-stop", Description = "Stop after so many epochs without a lower validation loss, and keep the best.")]
    int? EarlyStop = null,
    [Option("seed", Description = "Of the images' order and views; the run's when left out. The split is the run's in any case.")]
    long? Seed = null,
    [Option("precision", Description = "What the base computes in: bfloat16 is faster where the processor has it.")]
    ComputePrecision Precision = ComputePrecision.Float32,
    [Option("device", Description = "Where to compute.")] DeviceChoice Device = DeviceChoice.Auto,
    [Option(
        "require-complete", Description = "Refuse a cache that doesn't hold every image of its extraction, or of which that isn't known.")]
    bool RequireComplete = false,
    [Option("resume",
        Description = "Go on with a run that was ended, with its own options, to the same numbers. Begins one where there is none.")]
    bool Resume = false,
    [Option("checkpoint-every", Description = "Seconds of work that a killed run loses at most, an unfinished epoch apart.")]
    double CheckpointEvery = 10,
    [Option("json", Description = "One JSON object on standard output, words on standard error.")] bool Json = false) : ICommandParameterSet
{
    /// <summary>What of it a run is made from.</summary>
    /// <exception cref="CommandException">A time that makes no sense.</exception>
    internal FinetuneRequest ToRequest()
    {
        CheckpointInterval.Require(CheckpointEvery);
        return Choices.Copy(this, new FinetuneRequest { Run = Run, Out = Out, Model = Model });
    }

    /// <summary>How it is made.</summary>
    internal RunControl ToControl() => new(Resume, RequireComplete, TimeSpan.FromSeconds(CheckpointEvery));
}
