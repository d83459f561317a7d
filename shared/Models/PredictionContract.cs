namespace Headstart.Models;

/// <summary>What an exported model decides and how: the part of the contract that a base doesn't have.</summary>
/// <remarks>
/// Such a model has two outputs, <see cref="Probabilities"/> [N, classes] (float32; both columns for two classes) and <see cref="Label"/>
/// [N] (int64, a place in
/// <see cref="Classes"/>). Both already heed the temperature and the threshold, so a caller needs neither.
/// </remarks>
public sealed record PredictionContract
{
    public const string Probabilities = "probabilities";
    public const string Label = "label";

    /// <summary>Their names, in the order of the probabilities.</summary>
    public required IReadOnlyList<string> Classes { get; init; }

    /// <summary>Logits are divided by it before they become probabilities.</summary>
    public required double Temperature { get; init; }

    /// <summary>
    /// Of two classes the second is decided for where its probability is above this. Null for more classes: the most probable one.
    /// </summary>
    public double? Threshold { get; init; }

    /// <summary>
    /// Whether the input is one picture's pixels, uint8 [height, width, 3] (RGB) of any size, instead of prepared tensors.
    /// </summary>
    public bool RawInput { get; init; }

    public required ModelOrigin Origin { get; init; }

    /// <summary>The label that the model gives with these probabilities; of equally probable ones the first.</summary>
    /// <param name="probabilities">One a class, as the model computed them.</param>
    public int Decide(ReadOnlySpan<float> probabilities)
    {
        if (Threshold is { } threshold)
            return probabilities[1] > (float)threshold ? 1 : 0;
        var best = 0;
        for (var c = 1; c < probabilities.Length; c++)
        {
            if (probabilities[c] > probabilities[best])
                best = c;
        }

        return best;
    }
}

/// <summary>What an exported model was made of.</summary>
/// <param name="Base">The base's name.</param>
/// <param name="BaseSha256">Of the base's whole model file, lower-case hex.</param>
/// <param name="TrainedOnSha256">Of the model file that computed the features which the head learnt from: the same, unless another base was
/// allowed.</param>
/// <param name="Layer">The base's layer that the head reads.</param>
/// <param name="Head">In the head language, without the output layer.</param>
/// <param name="Run">The name of the run's folder.</param>
/// <param name="RunSha256">Of the run's <c>run.json</c>, lower-case hex.</param>
/// <param name="TunedTensors">How many of the base's tensors the run had changed.</param>
/// <param name="Tool">The version of Headstart that exported.</param>
public sealed record ModelOrigin(
    string Base, string BaseSha256, string TrainedOnSha256, string Layer, string Head, string Run, string RunSha256, int TunedTensors,
    string Tool);
