using Headstart.Models;
using Headstart.Trainer.Features;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Headstart.Tests.Training;

public sealed class TrainingLoopTests
{
    private const int Channels = 12;
    private const string DeepHead = "dense(16, relu), dropout(0.3), batchnorm, dense(8, tanh)";

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void Training_learns_what_can_be_learnt(int classes)
    {
        using var train = Set(60, classes, "train");
        using var val = Set(30, classes, "val");
        using var head = Create("dense(32, relu)", classes);

        var result = Run(head, train, val, new TrainingOptions { Epochs = 40, LearningRate = 1e-2 });

        Assert.InRange(result.Kept!.Val.Accuracy, 0.9, 1);
        Assert.InRange(result.Kept.Val.Auc!.Value, 0.95, 1);
        Assert.True(result.Kept.Train.Loss < 0.5 * result.Epochs[0].Train.Loss);
    }

    [Fact]
    public void Equal_seeds_give_equal_numbers_bit_for_bit()
    {
        using var train = Set(61, 2, "train");
        using var val = Set(30, 2, "val");
        using var first = Create(DeepHead, seed: 5);
        using var second = Create(DeepHead, seed: 5);
        using var third = Create(DeepHead, seed: 6);

        var one = Run(first, train, val, new TrainingOptions { Epochs = 4, Seed = 5 });
        manual_seed(123);
        var two = Run(second, train, val, new TrainingOptions { Epochs = 4, Seed = 5 });
        var three = Run(third, train, val, new TrainingOptions { Epochs = 4, Seed = 6 });

        Assert.Equal(one.Epochs.Select(e => (e.Train, e.Val)), two.Epochs.Select(e => (e.Train, e.Val)));
        Assert.Equal(Weights(first), Weights(second));
        Assert.NotEqual(one.Epochs.Select(e => e.Val.Loss), three.Epochs.Select(e => e.Val.Loss));
    }

    /// <summary>
    /// The whole of a training, computed here in double precision: order, last small batch, loss, class weights, gradient, Adam.
    /// </summary>
    [Theory]
    [InlineData(2, ClassWeights.None)]
    [InlineData(2, "balanced")]
    [InlineData(3, ClassWeights.None)]
    [InlineData(3, "balanced")]
    public void Linear_head_follows_a_training_computed_in_double_precision(int classes, string weighting)
    {
        var options = new TrainingOptions { Epochs = 3, Batch = 8, LearningRate = 1e-2, Seed = 9, ClassWeights = weighting };
        using var train = Set(15, classes, "train", first: 7); // unequal classes, and a last batch of another size
        using var val = Set(10, classes, "val");
        using var head = Create("dropout(0)", classes, seed: 9);
        var outputs = head.Plan.Outputs;
        double[] x = [.. Weights(head).Select(w => (double)w)]; // kernel [outputs, channels], then bias [outputs]
        var m = new double[x.Length];
        var v = new double[x.Length];
        var perClass = Enumerable.Range(0, classes).Select(c => train.Labels.Count(l => l == c)).ToArray();
        var t = 0;
        var lastLoss = 0.0;
        for (var epoch = 1; epoch <= options.Epochs; epoch++)
        {
            var order = Enumerable.Range(0, train.Count).ToArray();
            new SeededRandom(9, "shuffle", epoch).Shuffle(order.AsSpan());
            lastLoss = 0;
            foreach (var batch in order.Chunk(options.Batch))
            {
                var gradient = new double[x.Length];
                foreach (var row in batch)
                {
                    var features = train.Row(row).ToArray();
                    var label = train.Labels[row];
                    var weight = weighting == ClassWeights.None ? 1 : train.Count / ((double)classes * perClass[label]);
                    var z = Enumerable.Range(0, outputs).Select(o => x[(outputs * Channels) + o] +
                        features.Select((f, c) => f * x[(o * Channels) + c]).Sum()).ToArray();
                    var p = outputs == 1 ? [1 / (1 + Math.Exp(-z[0]))] : z.Select(a => Math.Exp(a) / z.Sum(Math.Exp)).ToArray();
                    lastLoss -= weight * Math.Log(outputs > 1 ? p[label] : label == 1 ? p[0] : 1 - p[0]) / train.Count;
                    for (var o = 0; o < outputs; o++)
                    {
                        var error = weight * (p[o] - ((outputs == 1 ? label == 1 : label == o) ? 1 : 0)) / batch.Length;
                        gradient[(outputs * Channels) + o] += error;
                        for (var c = 0; c < Channels; c++)
                            gradient[(o * Channels) + c] += error * features[c];
                    }
                }

                t++;
                var alpha = options.LearningRate * Math.Sqrt(1 - Math.Pow(0.999, t)) / (1 - Math.Pow(0.9, t));
                for (var i = 0; i < x.Length; i++)
                {
                    m[i] += (gradient[i] - m[i]) * 0.1;
                    v[i] += ((gradient[i] * gradient[i]) - v[i]) * 0.001;
                    x[i] -= m[i] * alpha / (Math.Sqrt(v[i]) + 1e-7);
                }
            }
        }

        var result = Run(head, train, val, options);

        var found = Weights(head);
        for (var i = 0; i < x.Length; i++)
            Assert.Equal(x[i], found[i], 2e-5);
        Assert.Equal(lastLoss, result.Kept!.Train.Loss, 1e-5);
    }

    [Fact]
    public void Training_figures_are_the_mean_over_the_epoch_and_validation_figures_those_of_the_weights()
    {
        using var train = Set(33, 2, "train");
        using var val = Set(20, 2, "val");
        using var head = Create("dense(4, relu)");

        // A step too small to change a float32: both must then be those of the first weights.
        var result = Run(head, train, val, new TrainingOptions { Epochs = 1, LearningRate = 1e-30 });

        Assert.Equal(TrainingLoop.Evaluate(head, train).Loss, result.Kept!.Train.Loss, 1e-6);
        Assert.Equal(TrainingLoop.Evaluate(head, train).Accuracy, result.Kept.Train.Accuracy);
        Assert.Equal(TrainingLoop.Evaluate(head, val), result.Kept.Val);
    }

    [Fact]
    public void Last_epoch_is_kept_without_early_stopping()
    {
        using var train = Set(20, 2, "train");
        using var val = Noise(20);
        using var head = Create("dense(64, relu)");

        var result = Run(head, train, val, new TrainingOptions { Epochs = 12, LearningRate = 1e-2 });

        Assert.Equal(12, result.Kept!.Epoch);
        Assert.True(result.Best!.Epoch < 12, "noise can't be learnt, so the validation loss must rise");
        Assert.Equal(TrainingLoop.Evaluate(head, val), result.Kept.Val);
    }

    [Fact]
    public void Early_stopping_ends_after_its_patience_and_restores_the_best_epoch()
    {
        using var train = Set(20, 2, "train");
        using var val = Noise(20);
        using var head = Create("dense(64, relu), batchnorm");

        var result = Run(head, train, val, new TrainingOptions { Epochs = 60, LearningRate = 1e-2, EarlyStop = 3 });

        Assert.Equal(result.Epochs.MinBy(e => e.Val.Loss), result.Best);
        Assert.Equal(result.Best, result.Kept);
        Assert.Equal(result.Best!.Epoch + 3, result.Epochs.Count);
        Assert.Equal(TrainingLoop.Evaluate(head, val), result.Kept!.Val);
    }

    [Fact]
    public void Interrupted_training_keeps_the_last_finished_epoch()
    {
        using var train = Set(40, 2, "train");
        using var val = Set(20, 2, "val");
        using var head = Create("dense(16, relu)");
        using var cancellation = new CancellationTokenSource();

        var result = TrainingLoop.Run(head, train, val, ["class0", "class1"], new TrainingOptions { Epochs = 50 },
            epoch =>
            {
                if (epoch.Epoch == 3)
                    cancellation.Cancel();
            },
            TimeProvider.System, null, cancellation.Token);

        Assert.True(result.Interrupted);
        Assert.Equal(3, result.Kept!.Epoch);
        Assert.Equal(TrainingLoop.Evaluate(head, val), result.Kept.Val);
    }

    [Fact]
    public void Training_leaves_no_tensors_behind()
    {
        using var train = Set(50, 2, "train");
        using var val = Set(20, 2, "val");
        using var head = Create(DeepHead);
        var live = new List<long>();

        long Live() => DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;
        Run(head, train, val, new TrainingOptions { Epochs = 1 });
        var before = Live();
        TrainingLoop.Run(head, train, val, ["class0", "class1"], new TrainingOptions { Epochs = 6, Batch = 4 }, _ => live.Add(Live()),
            TimeProvider.System, null, TestContext.Current.CancellationToken);

        Assert.Single(live.Distinct()); // nothing per step or epoch that grows
        Assert.Equal(before, Live());
    }

    [Fact]
    public void Last_single_image_does_not_break_batch_norm()
    {
        using var train = Set(17, 2, "train", first: 16); // 33 rows: 32 and 1
        using var val = Set(5, 2, "val");
        using var head = Create("batchnorm");

        Assert.Equal(2, Run(head, train, val, new TrainingOptions { Epochs = 2 }).Epochs.Count);
    }

    [Fact]
    public void Diverged_training_is_an_error_that_names_the_learning_rate()
    {
        using var train = Set(17, 2, "train");
        using var val = Set(5, 2, "val");
        using var head = Create("dense(4, relu)");

        var error = Assert.Throws<CommandException>(() => Run(head, train, val, new TrainingOptions { LearningRate = 1e38, Epochs = 5 }));

        Assert.Contains("Lower --lr (it is 1E+38)", error.Message, StringComparison.Ordinal);
    }

    private static TrainingResult Run(Head head, FeatureSet train, FeatureSet val, TrainingOptions options) =>
        TrainingLoop.Run(head, train, val, Names(head.Plan.Classes), options, _ => { }, TimeProvider.System, null,
            TestContext.Current.CancellationToken);

    private static string[] Names(int classes) => [.. Enumerable.Range(0, classes).Select(c => $"class{c}")];

    private static Head Create(string spec, int classes = 2, long seed = 0) =>
        new(HeadPlan.Create(HeadSpec.Parse(spec), new ModelLayer("pooled", new LayerShape(Channels, 1, 1)), classes), seed, CPU);

    /// <param name="perClass">Images a class.</param>
    /// <param name="classes">How many classes.</param>
    /// <param name="split">Other images for another name.</param>
    /// <param name="first">Images of the first class, where it has another number of them.</param>
    private static FeatureSet Set(int perClass, int classes, string split, int? first = null)
    {
        var names = Names(classes);
        var rows = SyntheticCache.Rows(perClass, names, split)
            .Where(r => r.Label != "class0" || int.Parse(r.Path[^8..^4]) < (first ?? perClass)).ToList();
        return new FeatureSet(
            tensor([.. rows.SelectMany(r => SyntheticCache.Features(r, Channels, 0.8))], [rows.Count, Channels]),
            [.. rows.Select(r => Array.IndexOf(names, r.Label))]);
    }

    private static FeatureSet Noise(int rows)
    {
        var random = new SeededRandom(0, "noise");
        return new FeatureSet(
            tensor([.. Enumerable.Range(0, rows * Channels).Select(_ => (float)random.NextBelow(2000) / 1000 - 1)], [rows, Channels]),
            [.. Enumerable.Range(0, rows).Select(i => i % 2)]);
    }

    private static float[] Weights(Head head) => [.. head.State.SelectMany(s => s.Value.data<float>().ToArray())];
}
