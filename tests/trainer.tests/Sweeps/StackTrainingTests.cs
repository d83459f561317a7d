using Headstart.Models;
using Headstart.Trainer.Features;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Sweeps;
using Headstart.Trainer.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Headstart.Tests.Sweeps;

/// <summary>Heads trained together end where each ends alone.</summary>
public sealed class StackTrainingTests
{
    private const int Channels = 48; // whole panels, so that heads with orders of their own are computed by RowLayer

    public static TheoryData<string, int, string> Cases
    {
        get
        {
            var cases = new TheoryData<string, int, string>();
            foreach (var head in (
                string[])["l2norm", "dense(8, relu)", "dense(8, tanh), dense(4, gelu)", "dropout(0.3)", "dense(6, silu), dropout(0.4), " +
                    "dense(5, sigmoid)"])
            {
                foreach (var classes in (int[])[2, 3])
                {
                    foreach (var kind in (string[])["rates", "seeds", "both", "uneven seeds", "penalties", "targets"])
                        cases.Add(head, classes, kind);
                }
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Head_trained_together_with_others_equals_the_head_trained_alone(string spec, int classes, string kind)
    {
        using var train = Set(30, classes, "train");
        using var val = Set(10, classes, "val");
        foreach (var optimizer in (OptimizerChoice[])[OptimizerChoice.Adam, OptimizerChoice.Sgd, OptimizerChoice.Adamw])
        {
            var faster = optimizer == OptimizerChoice.Sgd ? 10 : 1;
            var options = Options(kind)
                .Select(o => o with { Optimizer = optimizer, LearningRate = o.LearningRate * faster, Batch = 16, Epochs = 1 }).ToList();
            AssertEqual(spec, classes, options, train, val, 1e-4);
        }
    }

    [Theory]
    [InlineData("l2norm", 1)]
    [InlineData("l2norm", 5)]
    [InlineData("dense(8, relu), dropout(0.2)", 1)]
    [InlineData("dense(8, relu), dropout(0.2)", 33)]
    public void So_many_heads_that_the_cores_share_them_equal_those_trained_alone(string spec, int seeds)
    {
        using var train = Set(30, 2, "train");
        using var val = Set(10, 2, "val");
        var options = Enumerable.Range(0, 33)
            .Select(i => new TrainingOptions { LearningRate = 1e-3 * (1 + (i % 7)), Seed = i % seeds, Batch = 16, Epochs = 1 }).ToList();
        var cores = get_num_threads();

        AssertEqual(spec, 2, options, train, val, 1e-4);

        Assert.Equal(cores, get_num_threads());
        Assert.Equal(Math.Min(cores, 4), StackParts.Of([.. options.Select(o => o.Seed)], CPU).Count);
    }

    [Fact]
    public void Parts_hold_every_head_once_and_keep_seeds_together()
    {
        long[] seeds = [.. Enumerable.Range(0, 35).Select(i => (long)i % 2)];

        var parts = StackParts.Of(seeds, CPU);

        Assert.Equal(Enumerable.Range(0, 35), parts.SelectMany(p => p).Order());
        Assert.True(parts.Max(p => p.Length) - parts.Min(p => p.Length) <= 1);
        var changes = parts.SelectMany(p => p).Select(i => seeds[i]).ToList();
        Assert.Equal(changes.Order(), changes);
        Assert.Single(StackParts.Of([.. seeds.Take(15)], CPU));
    }

    [Fact]
    public void What_fails_in_a_part_is_thrown_after_all_have_ended()
    {
        var cores = get_num_threads();
        var ended = 0;

        Assert.Throws<InvalidOperationException>(() => StackParts.ForEach([[0], [1], [2]], (part, _) =>
        {
            Interlocked.Increment(ref ended);
            if (part[0] == 1)
                throw new InvalidOperationException();
        }));

        Assert.Equal(3, ended);
        Assert.Equal(cores, get_num_threads());
    }

    [Theory]
    [InlineData(Schedule.Cosine, null)]
    [InlineData(Schedule.Step, null)]
    [InlineData(Schedule.Plateau, null)]
    [InlineData(Schedule.Constant, 2)]
    [InlineData(Schedule.Plateau, 4)]
    public void Several_epochs_with_schedules_and_early_stops_keep_the_same_epoch(Schedule schedule, int? earlyStop)
    {
        using var train = Set(20, 2, "train");
        using var val = Set(10, 2, "val", signal: 0); // nothing to learn for it, so that early stops come at different epochs
        var options = Options("both")
            .Select(o => o with { Schedule = schedule, EarlyStop = earlyStop, Epochs = 12, WarmUp = 0.5, Batch = 7 }).ToList();

        var kept = AssertEqual("dense(8, relu)", 2, options, train, val, 1e-3);

        if (earlyStop is not null)
            Assert.True(kept.Distinct().Count() > 1, "the heads were to stop at different epochs");
    }

    [Fact]
    public void Views_are_drawn_as_for_the_head_alone()
    {
        using var plain = Set(20, 2, "train");
        using var scope = NewDisposeScope();
        var doubled = cat([plain.Features, plain.Features * 1.5]).DetachFromDisposeScope();
        using var train =
            new FeatureSet(doubled, plain.Labels, [.. Enumerable.Range(0, plain.Count).Select(i => (int[])[plain.Count + i])]);
        using var val = Set(10, 2, "val");

        AssertEqual("dense(4, relu)", 2, [.. Options("both").Select(o => o with { Epochs = 2, Batch = 8 })], train, val, 1e-4);
    }

    [Fact]
    public void Head_that_diverges_fails_alone()
    {
        using var train = Set(20, 2, "train");
        using var val = Set(10, 2, "val");
        double[] rates = [1e-3, 1e38, 1e-2];
        var members = rates
            .Select(r => new StackMember(Create("dense(4, relu)", 2, 0), new TrainingOptions { LearningRate = r, Epochs = 5 })).ToList();

        var results = StackTraining.Run(members, train, val, Names(2), 5, TimeProvider.System, TestContext.Current.CancellationToken)!;

        Assert.Contains("it diverged", results[1].Failure, StringComparison.Ordinal);
        Assert.All((int[])[0, 2], i => Assert.Equal(5, results[i].Training!.Kept!.Epoch));
        members.ForEach(m => m.Head.Dispose());
    }

    [Fact]
    public void Heads_that_stop_and_go_on_end_as_those_that_never_stopped()
    {
        using var folder = new TemporaryFolder();
        using var train = Set(20, 2, "train");
        using var val = Set(10, 2, "val");
        List<TrainingOptions> options = [.. Options("seeds").Select(o => o with { Epochs = 9, Schedule = Schedule.Cosine, Batch = 8 })];
        const string Spec = "dense(6, relu), dropout(0.3)";
        var whole = Run(options, null, null, 9);
        Run(options, null, "a", 4);
        var parts = Run(options, "a", "b", 9);

        Assert.Equal(whole, parts);

        // And alone from the state that was left together.
        using var head = Create(Spec, 2, options[1].Seed);
        var alone = TrainingLoop.Run(
            head, train, val, Names(2), options[1], _ => { }, TimeProvider.System, At("a", 1), TestContext.Current.CancellationToken);
        Assert.Equal(4, alone.ResumedAfter);
        foreach (var (together, own) in whole[1].Zip(Weights(head)))
            Assert.Equal(together, own, 1e-4);

        List<float[]> Run(List<TrainingOptions> options, string? from, string? to, int until)
        {
            var members = options.Select((o, i) => new StackMember(
                Create(Spec, 2, o.Seed), o, from is null ? null : At(from, i), to is null ? null : At(to, i))).ToList();
            StackTraining.Run(members, train, val, Names(2), until, TimeProvider.System, TestContext.Current.CancellationToken);
            var weights = members.ConvertAll(m => Weights(m.Head));
            members.ForEach(m => m.Head.Dispose());
            return weights;
        }

        Checkpoint At(string name, int member) => new(folder.File($"{name}{member}"), TimeSpan.FromHours(1), TimeProvider.System);
    }

    [Theory]
    [InlineData("penalties")]
    [InlineData("seeds")]
    public void Training_together_leaves_no_tensors_behind(string kind)
    {
        using var train = Set(20, 3, "train");
        using var val = Set(10, 3, "val");
        long Live() => DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;
        Train();
        var before = Live();

        Train();

        Assert.Equal(before, Live());

        void Train()
        {
            var members = Options(kind).ConvertAll(
                o => new StackMember(Create("dense(6, relu), dropout(0.3)", 3, o.Seed), o with { Epochs = 3, LabelSmoothing = 0.1 }));
            StackTraining.Run(members, train, val, Names(3), 3, TimeProvider.System, TestContext.Current.CancellationToken);
            members.ForEach(m => m.Head.Dispose());
        }
    }

    [Theory]
    [InlineData("dense(8, relu)", true)]
    [InlineData("l2norm", true)]
    [InlineData("dropout(0.1), dense(8)", true)]
    [InlineData("batchnorm", false)]
    [InlineData("dense(8, relu), layernorm", false)]
    public void What_normalises_over_its_inputs_is_trained_alone(string spec, bool together)
    {
        var plan = HeadPlan.Create(HeadSpec.Parse(spec), Layer, 2);

        Assert.Equal(together, StackTraining.Key(plan, new TrainingOptions()) is not null);
        Assert.Null(StackTraining.Key(plan, new TrainingOptions { Optimizer = OptimizerChoice.Lbfgs }));
    }

    // Weights by relative distance of whole tensors, figures by their own; and the same epoch kept.
    private static IEnumerable<int> AssertEqual(
        string spec, int classes, List<TrainingOptions> options, FeatureSet train, FeatureSet val, double tolerance)
    {
        var members = options.ConvertAll(o => new StackMember(Create(spec, classes, o.Seed), o));
        var results = StackTraining.Run(
            members, train, val, Names(classes), options[0].Epochs, TimeProvider.System, TestContext.Current.CancellationToken)!;
        foreach (var (member, result) in members.Zip(results))
        {
            using var alone = Create(spec, classes, member.Options.Seed);
            var first = Weights(alone);
            var expected = TrainingLoop.Run(alone, train, val, Names(classes), member.Options, _ => { }, TimeProvider.System, null,
                TestContext.Current.CancellationToken);
            var (kept, found) = (expected.Kept!, result.Training!.Kept!);
            Assert.Equal(kept.Epoch, found.Epoch);
            Assert.Equal(expected.Epochs.Count, result.Training.Epochs.Count);
            Assert.Equal(kept.LearningRate, found.LearningRate, kept.LearningRate * 1e-6);
            Assert.Equal(kept.Train.Loss, found.Train.Loss, tolerance * kept.Train.Loss);
            Assert.Equal(kept.Val.Loss, found.Val.Loss, tolerance * kept.Val.Loss);
            Assert.Equal(kept.Val.Auc!.Value, found.Val.Auc!.Value, 0.02);
            var (one, other) = (Weights(alone), Weights(member.Head));
            Assert.True(
                Distance(one, other) <= tolerance * Length(one), $"{Distance(one, other) / Length(one)} in {spec}, {member.Options}");
            Assert.True(Distance(one, first) > 1e-3 * Length(one), "nothing was learnt, so nothing was tested");
            member.Head.Dispose();
        }

        return results.Select(r => r.Training!.Kept!.Epoch);
    }

    private static List<TrainingOptions> Options(string kind) => kind switch
    {
        "rates" => [.. Enumerable.Range(0, 5).Select(i => new TrainingOptions { LearningRate = 1e-3 * (i + 1), Seed = 3 })],
        "seeds" => [.. Enumerable.Range(0, 4).Select(i => new TrainingOptions { LearningRate = 3e-3, Seed = i })],
        "both" => [.. Enumerable.Range(0, 6).Select(i => new TrainingOptions { LearningRate = 1e-3 * (i + 1), Seed = i % 3 })],
        "uneven seeds" => [.. Enumerable.Range(0, 5).Select(i => new TrainingOptions { LearningRate = 1e-3 * (i + 1), Seed = i / 3 })],
        "penalties" =>
        [
            new() { LearningRate = 3e-3 },
            new() { LearningRate = 3e-3, L2 = 0.1 },
            new() { LearningRate = 3e-3, WeightDecay = 8 },
            new() { LearningRate = 3e-3, L2 = 0.02, WeightDecay = 1, Clip = 0.1 },
        ],
        "targets" =>
        [
            new() { LearningRate = 3e-3 },
            new() { LearningRate = 3e-3, LabelSmoothing = 0.2 },
            new() { LearningRate = 3e-3, ClassWeights = "class0=3" },
            new() { LearningRate = 3e-3, ClassWeights = "balanced", LabelSmoothing = 0.1 },
        ],
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
    };

    private static ModelLayer Layer { get; } = new("pooled", new LayerShape(Channels, 1, 1));

    private static string[] Names(int classes) => [.. Enumerable.Range(0, classes).Select(c => $"class{c}")];

    private static Head Create(string spec, int classes, long seed) =>
        new(HeadPlan.Create(HeadSpec.Parse(spec), Layer, classes), seed, CPU);

    private static FeatureSet Set(int perClass, int classes, string split, double signal = 0.5)
    {
        var rows = SyntheticCache.Rows(perClass, Names(classes), split);
        return new FeatureSet(
            tensor([.. rows.SelectMany(r => SyntheticCache.Features(r, Channels, signal))], [rows.Count, Channels]),
            [.. rows.Select(r => Array.IndexOf(Names(classes), r.Label))]);
    }

    private static float[] Weights(Head head) => [.. head.State.SelectMany(s => s.Value.data<float>().ToArray())];

    private static double Distance(float[] a, float[] b) => Math.Sqrt(a.Zip(b, (x, y) => Math.Pow(x - (double)y, 2)).Sum());

    private static double Length(float[] a) => Math.Sqrt(a.Sum(x => (double)x * x));
}
