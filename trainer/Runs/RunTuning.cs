using Headstart.Cache;
using Headstart.Models;
using Headstart.Trainer.FineTuning;

namespace Headstart.Trainer.Runs;

/// <summary>What <c>run.json</c> says of a base that was tuned: from which run and which model, which part of it, and how fast.</summary>
internal sealed record RunTuning
{
    /// <summary>The command's options, with all defaults.</summary>
    public required FinetuneRequest Arguments { get; init; }

    /// <summary>The run that it went on from: its whole path on the machine that trained.</summary>
    public required string From { get; init; }

    /// <summary>The base: its whole path on the machine that trained.</summary>
    public required string Model { get; init; }

    public required string ModelSha256 { get; init; }

    /// <summary>The tensor after which everything was tuned; left out where everything was.</summary>
    public string? UnfrozenFrom { get; init; }

    /// <summary>The layer whose cached features went in; left out where images did.</summary>
    public string? Prefix { get; init; }

    /// <summary>The head, then the blocks of the base, deepest first.</summary>
    public required IReadOnlyList<TunedGroup> Groups { get; init; }

    /// <summary>Weights of other precisions have no gradients, and a head on their features is not one on float32 features.</summary>
    /// <param name="model">The base.</param>
    /// <param name="contract">Of the cache that the head reads.</param>
    /// <param name="source">The run or the cache, for messages.</param>
    /// <exception cref="CommandException">The model, or the one that made the run's features, is of another precision.</exception>
    public static void RequireFloat32(ModelFile model, CacheContract contract, string source)
    {
        if (model.Contract.Precision != "float32")
        {
            var original = model.Contract.Quantization is { } quantization ? $" it was made from (sha256 {quantization.FloatSha256})" : "";
            throw new CommandException($"{model.Path} is {model.Contract.Precision}, and such weights can't be tuned: extract and train " +
                $"with the float32 model{original}, and tune that run.");
        }

        if (contract.Precision != "float32")
        {
            throw new CommandException(
                $"The features of {source} are {contract.Precision} ({contract.Model}), and such weights can't be tuned: " +
                $"extract and train with {model.Path}, and tune that run.");
        }
    }

    /// <exception cref="CommandException">Another model; the message names the field.</exception>
    public void RequireModel(ModelFile model, string runFolder) => RequireModel(model, runFolder, ModelSha256, Model);

    /// <summary>Holds a model to the one that a run's features came from.</summary>
    /// <param name="runFolder">The run, for messages.</param>
    /// <param name="sha256">Of the model file that the run names.</param>
    /// <param name="name">That model.</param>
    /// <exception cref="CommandException">Another model; the message names the field.</exception>
    public static void RequireModel(ModelFile model, string runFolder, string sha256, string name)
    {
        if (model.Sha256 != sha256)
        {
            throw new CommandException(
                $"{model.Path} has modelSha256 '{model.Sha256}', but the features of {runFolder} were made by {name} with '{sha256}': " +
                "the head knows nothing of other features. Pass that model.");
        }
    }
}
