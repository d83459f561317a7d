using Headstart.Training.Features;

namespace Headstart.Training;

/// <summary>How much each class counts in the loss.</summary>
public enum ClassWeighting
{
    /// <summary>Every image counts the same.</summary>
    None,

    /// <summary>Every class counts the same: an image weighs n / (k · images of its class), as scikit-learn's <c>balanced</c>.</summary>
    Balanced,
}

internal static class ClassWeights
{
    /// <returns>One weight a class; empty where every image counts the same.</returns>
    public static double[] Of(ClassWeighting weighting, FeatureSet train, int classes)
    {
        if (weighting == ClassWeighting.None)
            return [];
        var counts = new int[classes];
        foreach (var label in train.Labels)
            counts[label]++;
        return Array.ConvertAll(counts, count => train.Count / ((double)classes * count));
    }
}
