using System.Runtime.Intrinsics;
using Headstart.Models;
using Headstart.Trainer.Features;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Headstart.Tests.Kernels;

public sealed class WideDenseTests : IDisposable
{
    private const int Inputs = 4096;
    private const string Spec = "dense(256, relu)";

    // Clipping wants the gradient's length, so libtorch computes every layer; nothing is ever so long.
    private const double NeverClips = 1e30;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(OptimizerChoice.Adam, 0.0, 2, Spec)]
    [InlineData(OptimizerChoice.Adam, 0.01, 3, Spec)]
    [InlineData(OptimizerChoice.Adamw, 0.0, 3, "dropout(0.3), dense(256, relu), dropout(0.2), dense(16, tanh)")]
    [InlineData(OptimizerChoice.Adam, 0.0, 300, "dropout(0)")] // the layer is the whole head
    public void Trains_as_libtorch_does(OptimizerChoice optimizer, double l2, int classes, string spec)
    {
        using var train = Set(70, classes, 1);
        using var val = Set(40, classes, 2);
        using var ours = Create(spec, classes);
        using var theirs = Create(spec, classes);
        var options = new TrainingOptions { Epochs = 3, Batch = 16, Optimizer = optimizer, L2 = l2 }; // 70 rows: the last batch has 6
        using (var steps = new HeadSteps(ours, options))
            Assert.Equal(HasVectors, steps.Optimizer is WideAdamSteps);

        var one = Run(ours, train, val, options);
        var two = Run(theirs, train, val, options with { Clip = NeverClips });

        foreach (var (a, b) in one.Epochs.Zip(two.Epochs))
        {
            Assert.Equal(b.Train.Loss, a.Train.Loss, 1e-4 * b.Train.Loss);
            Assert.Equal(b.Val.Loss, a.Val.Loss, 1e-4 * b.Val.Loss);
        }

        Assert.NotEqual(one.Epochs[0].Val.Loss, one.Epochs[2].Val.Loss);
    }

    [Fact]
    public void Equal_seeds_give_equal_weights_bit_for_bit_and_no_tensors_are_left()
    {
        using var train = Set(50, 2, 1);
        using var val = Set(20, 2, 2);
        using var first = Create(Spec);
        using var second = Create(Spec);
        var options = new TrainingOptions { Epochs = 2 };
        var threads = get_num_threads();

        Run(first, train, val, options);
        var live = DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;
        Run(second, train, val, options);

        Assert.Equal(live, DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount);
        Assert.Equal(threads, get_num_threads());
        Assert.Equal(Weights(first), Weights(second));
    }

    [Fact]
    public void Checkpoint_goes_on_bit_for_bit_and_with_libtorch_alone_too()
    {
        using var train = Set(50, 2, 1);
        using var val = Set(20, 2, 2);
        var options = new TrainingOptions { Epochs = 3 };
        using var whole = Create(Spec);
        using var begun = Create(Spec);
        using var resumed = Create(Spec);
        using var elsewhere = Create(Spec);
        var expected = Run(whole, train, val, options);
        Assert.Throws<ExpectedDeathException>(() => Run(begun, train, val, options, From("here"), DieInThird));
        File.Copy(_folder.File("here"), _folder.File("elsewhere"));

        var here = Run(resumed, train, val, options, From("here"));
        var there = Run(elsewhere, train, val, options with { Clip = NeverClips }, From("elsewhere"));

        Assert.Equal(2, here.ResumedAfter);
        Assert.Equal(2, there.ResumedAfter);
        Assert.Equal(Weights(whole), Weights(resumed));
        Assert.Equal(expected.Kept!.Val, here.Kept!.Val);
        Assert.Equal(expected.Kept.Val.Loss, there.Kept!.Val.Loss, 1e-5);
    }

    [Theory]
    [InlineData(Spec, true)]
    [InlineData("dropout(0.5), dense(256)", true)]
    [InlineData("dense(128, relu)", false)] // half a million weights
    [InlineData("dense(257, relu)", false)]
    [InlineData("batchnorm, dense(256)", false)] // the gradient of what comes in is wanted too
    public void Takes_first_layers_that_are_large_and_of_whole_tiles(string spec, bool takes)
    {
        using var head = Create(spec);
        using var steps = new HeadSteps(head, new TrainingOptions());
        Assert.Equal(takes && HasVectors, steps.Optimizer is WideAdamSteps);
    }

    [Fact]
    public void Leaves_the_layer_to_libtorch_where_options_want_its_gradient()
    {
        using var head = Create(Spec);
        foreach (var options in (TrainingOptions[])[new() { Clip = 1 }, new() { Optimizer = OptimizerChoice.Sgd }, new() { Batch = 1000 }])
        {
            using var steps = new HeadSteps(head, options);
            Assert.IsNotType<WideAdamSteps>(steps.Optimizer);
        }
    }

    [Fact]
    public void Alone_the_rest_of_the_head_has_one_thread_and_other_threads_keep_theirs()
    {
        using var head = Create(Spec);
        using var steps = new HeadSteps(head, new TrainingOptions());
        var threads = get_num_threads();
        var elsewhere = 0;

        using (steps.Begin())
        {
            Assert.Equal(HasVectors ? 1 : threads, get_num_threads());
            var other = new Thread(() => elsewhere = get_num_threads());
            other.Start();
            other.Join();
        }

        Assert.Equal(threads, elsewhere);
        Assert.Equal(threads, get_num_threads());
    }

    // Without them libtorch computes every layer, and all of this must hold too.
    private static bool HasVectors => Vector256.IsHardwareAccelerated;

    private static float[] Weights(Head head) => ((Tensor)head.Parameters[0].Value).data<float>().ToArray();

    private static void DieInThird(EpochRecord epoch)
    {
        if (epoch.Epoch == 3)
            throw new ExpectedDeathException();
    }

    private Checkpoint From(string name) => new(_folder.File(name), TimeSpan.Zero, TimeProvider.System);

    private static TrainingResult Run(
        Head head, FeatureSet train, FeatureSet val, TrainingOptions options, Checkpoint? checkpoint = null,
        Action<EpochRecord>? onEpoch = null)
    {
        string[] classes = [.. Enumerable.Range(0, head.Plan.Classes).Select(c => $"class{c}")];
        return TrainingLoop.Run(
            head, train, val, classes, options, onEpoch ?? (_ => { }), TimeProvider.System, checkpoint,
            TestContext.Current.CancellationToken);
    }

    private static Head Create(string spec, int classes = 2) =>
        new(HeadPlan.Create(HeadSpec.Parse(spec), new ModelLayer("pooled", new LayerShape(Inputs, 1, 1)), classes), 3, CPU);

    // As a base leaves them: most are 0.
    private static FeatureSet Set(int rows, int classes, ulong seed)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(seed);
        var features = rand([rows, Inputs], generator: generator).sub_(0.7f).clamp_(min: 0);
        return new FeatureSet(features.DetachFromDisposeScope(), [.. Enumerable.Range(0, rows).Select(i => i % classes)]);
    }

    private sealed class ExpectedDeathException : Exception;
}
