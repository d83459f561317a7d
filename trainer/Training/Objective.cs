using Headstart.Trainer.Heads;
using static TorchSharp.torch;

namespace Headstart.Trainer.Training;

/// <summary>
/// What training makes small: cross-entropy, on one logit for two classes and by softmax for more, the mean over the batch.
/// </summary>
/// <param name="classes">At least 2.</param>
/// <param name="classWeights">Multiply each image's loss, as Keras' class_weight does; empty for none.</param>
/// <param name="labelSmoothing">The part of each target that is spread evenly over all classes, the right one too, as in Keras.</param>
internal sealed class Objective(int classes, double[] classWeights, double labelSmoothing = 0)
{
    /// <param name="logits">[n, outputs].</param>
    /// <param name="labels">n class indices.</param>
    /// <returns>A scalar of the logits' type.</returns>
    public Tensor Loss(Tensor logits, ReadOnlySpan<int> labels)
    {
        var weights = Weights(labels, logits);
        if (HeadPlan.OutputsFor(classes) == 1)
        {
            var targets = new float[labels.Length];
            for (var i = 0; i < targets.Length; i++)
                targets[i] = (float)((labels[i] * (1 - labelSmoothing)) + (labelSmoothing / 2));
            return nn.functional.binary_cross_entropy_with_logits(
                logits.squeeze(1), tensor(targets, dtype: logits.dtype, device: logits.device), weights);
        }

        var indices = new long[labels.Length];
        for (var i = 0; i < indices.Length; i++)
            indices[i] = labels[i];
        var target = tensor(indices, device: logits.device);

        // With its own weights libtorch would divide by their sum; Keras divides by the number of images.
        return weights is null
            ? nn.functional.cross_entropy(logits, target, label_smoothing: labelSmoothing)
            : (nn.functional.cross_entropy(logits, target, reduction: nn.Reduction.None, label_smoothing: labelSmoothing) * weights).mean();
    }

    private Tensor? Weights(ReadOnlySpan<int> labels, Tensor logits)
    {
        if (classWeights.Length == 0)
            return null;
        var weights = new double[labels.Length];
        for (var i = 0; i < weights.Length; i++)
            weights[i] = classWeights[labels[i]];
        return tensor(weights, dtype: logits.dtype, device: logits.device);
    }
}
