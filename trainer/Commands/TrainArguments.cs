using Cocona;
using Headstart.Training.Heads;

namespace Headstart.Training.Commands;

/// <summary>The options of <c>trainer train</c>.</summary>
public sealed record TrainArguments(
    [Argument("CACHE", Description = "The features to train on: a folder that 'extractor extract' wrote.")] string Cache,
    [Option("out", Description = "The run's folder; made if missing, never overwritten.")] string Out,
    [Option("val", Description = "Another cache to validate on.")] string? Val = null,
    [Option("val-split", Description = "Fraction of each class to validate on, where the cache names no split.")] double ValSplit = 0.2,
    [Option("layer", Description = "The layer to read; the deepest when left out.")] string? Layer = null,
    [Option("head", Description = "Pieces: flatten, gap, gmp, avgpool(k), dense(n[, activation]), dropout(p), batchnorm, layernorm, l2norm. The output layer follows from the classes.")]
    string Head = HeadSpec.Reference,
    [Option("epochs", Description = "How often every image is seen.")] int Epochs = 10,
    [Option("batch", Description = "Images a step.")] int Batch = 32,
    [Option("lr", Description = "Adam's learning rate.")] double LearningRate = 1e-4,
    [Option("seed", Description = "Equal seeds give equal numbers.")] long Seed = 0,
    [Option("class-weights", Description = "balanced: every class counts the same, however many images it has.")] ClassWeighting ClassWeights = ClassWeighting.None,
    [Option("early-stop", Description = "Stop after so many epochs without a lower validation loss, and keep the best.")] int? EarlyStop = null,
    [Option("device", Description = "Where to compute.")] DeviceChoice Device = DeviceChoice.Auto,
    [Option("json", Description = "One JSON object on standard output, words on standard error.")] bool Json = false) : ICommandParameterSet
{
    internal TrainingOptions ToOptions() => new()
    {
        Epochs = Epochs,
        Batch = Batch,
        LearningRate = LearningRate,
        Seed = Seed,
        ClassWeights = ClassWeights,
        EarlyStop = EarlyStop,
    };
}
