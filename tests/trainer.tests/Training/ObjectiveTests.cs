using Headstart.Trainer.Features;
using Headstart.Trainer.Training;
using static TorchSharp.torch;

namespace Headstart.Tests.Training;

public sealed class ObjectiveTests
{
    private static readonly string[] Classes = ["cats", "dogs", "great apes"];

    /// <summary>
    /// Keras: y (1 - s) + s/k, for a single logit as for softmax; the mean of weight times cross-entropy over all images.
    /// </summary>
    [Theory]
    [InlineData(2, 0.0, false)]
    [InlineData(2, 0.2, false)]
    [InlineData(2, 0.2, true)]
    [InlineData(3, 0.0, true)]
    [InlineData(3, 0.3, false)]
    [InlineData(3, 0.3, true)]
    public void Loss_is_weighted_cross_entropy_with_smoothed_labels(int classes, double smoothing, bool weighted)
    {
        double[] weights = weighted ? [0.5, 2, 3.5] : [1, 1, 1];
        double[][] logits = classes == 2 ? [[0.3], [-1.5], [2.25], [0]] : [[0.1, 2, -1], [0, 0, 0], [3, -2, 0.5], [-1, -1, 4]];
        int[] labels = [1, 0, classes - 1, 0];
        var expected = 0.0;
        for (var i = 0; i < labels.Length; i++)
        {
            double[] z = classes == 2 ? [0, logits[i][0]] : logits[i];
            for (var c = 0; c < classes; c++)
            {
                var target = ((labels[i] == c ? 1 : 0) * (1 - smoothing)) + (smoothing / classes);
                expected -= weights[labels[i]] * target * (z[c] - Math.Log(z.Sum(Math.Exp))) / labels.Length;
            }
        }

        using var scope = NewDisposeScope();
        var values = tensor([.. logits.SelectMany(l => l)], [labels.Length, logits[0].Length]);
        var objective = new Objective(classes, weighted ? weights[..classes] : [], smoothing);

        Assert.Equal(expected, objective.Loss(values, labels).item<double>(), 1e-7); // a binary target is rounded to float32
        Assert.Equal(expected, objective.Loss(values.to(ScalarType.Float32), labels).item<float>(), 1e-6);
    }

    [Fact]
    public void Class_weights_are_none_balanced_or_as_given()
    {
        using var train = new FeatureSet(zeros(6, 1), [0, 0, 0, 1, 1, 2]);

        Assert.Empty(ClassWeights.Of("none", train.Labels, Classes));
        Assert.Equal([2.0 / 3, 1, 2], ClassWeights.Of("balanced", train.Labels, Classes)); // scikit-learn: n / (k · count)
        Assert.Equal([1, 2.5, 0.25], ClassWeights.Of("dogs=2.5, great apes=0.25", train.Labels, Classes));
    }

    [Theory]
    [InlineData("balanecd", "none, balanced, or weights such as")]
    [InlineData("7", "none, balanced, or weights such as")]
    [InlineData("cats=", "'' is no weight")]
    [InlineData("cats=0", "'0' is no weight; it must be a number above 0")]
    [InlineData("cats=nan", "'nan' is no weight")]
    [InlineData("cats=1,cats=2", "'cats' is there twice")]
    public void Class_weights_that_make_no_sense_are_refused(string text, string words) =>
        Assert.Contains(words, Assert.Throws<CommandException>(() => ClassWeights.Validate(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void Weight_of_an_unknown_class_is_refused_with_the_one_that_was_meant()
    {
        var error = Assert.Throws<CommandException>(() => ClassWeights.RequireKnown("dosg=2", Classes));

        Assert.Contains(
            "no class 'dosg'. Did you mean dogs? The classes are cats, dogs, great apes.", error.Message, StringComparison.Ordinal);
    }
}
