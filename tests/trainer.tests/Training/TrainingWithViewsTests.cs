using Headstart.Models;
using Headstart.Trainer.Features;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Training;
using static TorchSharp.torch;

namespace Headstart.Tests.Training;

public sealed class TrainingWithViewsTests
{
    private const int Images = 45;
    private const int Channels = 6;

    [Fact]
    public void Views_that_equal_the_plain_image_change_nothing_not_a_bit()
    {
        var without = Train(Set(views: 0, noise: 0));
        var with = Train(Set(views: 3, noise: 0));

        Assert.Equal(without.Weights, with.Weights);
        Assert.Equal(without.Result.Epochs.Select(e => e.Train), with.Result.Epochs.Select(e => e.Train));
    }

    [Fact]
    public void Each_epoch_learns_from_the_drawn_views_and_is_judged_by_plain_images()
    {
        var set = Set(views: 2, noise: 1);
        var (result, weights) = Train(Set(views: 2, noise: 1), epochs: 1, rate: 0);

        // At a learning rate of 0 the head stays as it was made, so an epoch's figures are those of the rows that were drawn.
        using var head = Create();
        Assert.Equal([.. head.State.SelectMany(s => s.Value.data<float>().ToArray())], weights);
        var drawn = new int[Images];
        set.DrawViews([.. Enumerable.Range(0, Images)], seed: 3, epoch: 1, drawn);
        Assert.Contains(drawn, row => row < Images);
        Assert.Contains(drawn, row => row >= Images);
        using var asDrawn = new FeatureSet(tensor([.. drawn.SelectMany(r => set.Row(r).ToArray())], [Images, Channels]), set.Labels);
        Assert.Equal(TrainingLoop.Evaluate(head, asDrawn).Loss, result.Epochs[0].Train.Loss, 1e-6);
        Assert.Equal(TrainingLoop.Evaluate(head, set).Loss, result.Epochs[0].Val.Loss, 1e-6);
        using var plain = Set(views: 0, noise: 0);
        Assert.Equal(TrainingLoop.Evaluate(head, plain).Loss, TrainingLoop.Evaluate(head, set).Loss, 1e-6);
        set.Dispose();
    }

    private static (TrainingResult Result, float[] Weights) Train(FeatureSet train, int epochs = 3, double rate = 1e-2)
    {
        using var set = train;
        using var head = Create();
        var result = TrainingLoop.Run(
            head, set, set, ["a", "b"], new TrainingOptions { Epochs = epochs, Batch = 8, LearningRate = rate, Seed = 3 }, _ => { },
            TimeProvider.System, null,
            TestContext.Current.CancellationToken);
        return (result, [.. head.State.SelectMany(s => s.Value.data<float>().ToArray())]);
    }

    private static Head Create() =>
        new(HeadPlan.Create(HeadSpec.Parse("dense(5, relu)"), new ModelLayer("pooled", new LayerShape(Channels, 1, 1)), 2), 3, CPU);

    /// <summary>Images of two classes; each view is the plain image with so much noise.</summary>
    private static FeatureSet Set(int views, float noise)
    {
        var random = new SeededRandom(0, "set");
        var plain = Enumerable.Range(0, Images * Channels).Select(_ => Draw()).ToArray();
        var others = Enumerable.Range(0, Images).SelectMany(
            i => Enumerable.Range(0, views * Channels).Select(v => plain[(i * Channels) + (v % Channels)] + (noise * Draw())));
        return new FeatureSet(
            tensor([.. plain, .. others], [Images * (1 + views), Channels]),
            [.. Enumerable.Range(0, Images).Select(i => i % 2)],
            views == 0 ? null : [.. Enumerable.Range(0, Images).Select(i => Enumerable.Range(Images + (i * views), views).ToArray())]);

        float Draw() => ((float)random.NextBelow(2000) / 1000) - 1;
    }
}
