using Headstart.Models;
using Headstart.Trainer.Features;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Training;
using static TorchSharp.torch;

namespace Headstart.Tests.Training;

public sealed class CheckpointTests : IDisposable
{
    private const int Channels = 10;
    private const string Everything = "dense(16, relu), dropout(0.4), batchnorm, dense(8, tanh), dropout(0.2)";
    private static readonly string[] Classes = ["class0", "class1", "class2"];

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Trainings { get; } =
    [
        "adam", "adamw cosine", "sgd step warm-up clip", "adam plateau early-stop", "sgd l2 smoothing balanced", "adam early-stop",
    ];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Trainings))]
    public void Training_that_dies_after_any_epoch_goes_on_to_the_same_numbers_bit_for_bit(string words)
    {
        var options = Options(words);
        var (expected, weights) = Train(options, null, dieAfter: null);
        Assert.Equal(words.Contains("early-stop", StringComparison.Ordinal),
            expected.Epochs.Count < options.Epochs || expected.Kept != expected.Epochs[^1]);

        for (var epoch = 1; epoch <= expected.Epochs.Count; epoch++)
        {
            var path = _folder.File($"{epoch}.safetensors");
            // Before its checkpoint: the epoch comes again.
            Assert.Throws<ExpectedDeathException>(() => Train(options, path, dieAfter: epoch));
            var (found, again) = Train(options, path, dieAfter: null);

            Assert.Equal(Numbers(expected), Numbers(found));
            Assert.Equal(weights, again);
            Assert.Equal(epoch - 1, found.ResumedAfter);
        }
    }

    [Fact]
    public void Training_whose_last_epoch_was_done_ends_at_once()
    {
        var path = _folder.File("checkpoint");
        var options = Options("adam early-stop");
        var (expected, weights) = Train(options, path, dieAfter: null);

        var (found, again) = Train(options, path, dieAfter: 1); // would die, were there an epoch left

        Assert.Equal(Numbers(expected), Numbers(found));
        Assert.Equal(weights, again);
        Assert.Equal(expected.Epochs.Count, found.ResumedAfter);
    }

    [Fact]
    public void Checkpoint_of_another_head_or_optimizer_is_refused_by_name()
    {
        var path = _folder.File("checkpoint");
        Train(Options("adam"), path, dieAfter: null);

        var error = Assert.Throws<CommandException>(() => Train(Options("sgd"), path, dieAfter: null));

        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        Assert.Contains("Delete it", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Checkpoint_cut_short_is_refused_by_name()
    {
        var path = _folder.File("checkpoint");
        Train(Options("adam"), path, dieAfter: null);
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^20]);

        Assert.Contains(
            path, Assert.Throws<CommandException>(() => Train(Options("adam"), path, dieAfter: null)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Checkpoint_is_written_when_its_time_has_come()
    {
        var path = _folder.File("checkpoint");

        Train(Options("adam"), path, dieAfter: null, TimeSpan.FromHours(1));

        Assert.False(File.Exists(path));
    }

    private static TrainingOptions Options(string words)
    {
        var has = words.Split(' ').ToHashSet();
        return new TrainingOptions
        {
            Epochs = has.Contains("early-stop") ? 40 : 8,
            Batch = 8,
            Optimizer = Enum.Parse<OptimizerChoice>(words.Split(' ')[0], ignoreCase: true),
            LearningRate = 2e-2,
            Schedule = has.Contains("cosine")
                ? Schedule.Cosine
                : has.Contains("step") ? Schedule.Step : has.Contains("plateau") ? Schedule.Plateau : Schedule.Constant,
            WarmUp = has.Contains("warm-up") ? 1.5 : 0,
            Clip = has.Contains("clip") ? 0.5 : null,
            L2 = has.Contains("l2") ? 0.01 : null,
            LabelSmoothing = has.Contains("smoothing") ? 0.1 : 0,
            ClassWeights = has.Contains("balanced") ? "balanced" : "none",
            EarlyStop = has.Contains("early-stop") ? 4 : null,
            Seed = 3,
        };
    }

    private static (TrainingResult Result, float[] Weights) Train(
        TrainingOptions options, string? path, int? dieAfter, TimeSpan interval = default)
    {
        using var train = Set(30, "train");
        using var val = Set(10, "val");
        using var head = new Head(HeadPlan.Create(
            HeadSpec.Parse(Everything), new ModelLayer("l", new LayerShape(Channels, 1, 1)), Classes.Length), options.Seed, CPU);
        var checkpoint = path is null ? null : new Checkpoint(path, interval, TimeProvider.System);
        var result = TrainingLoop.Run(
            head, train, val, Classes, options,
            epoch =>
            {
                if (epoch.Epoch == dieAfter)
                    throw new ExpectedDeathException();
            },
            TimeProvider.System, checkpoint, TestContext.Current.CancellationToken);
        return (result, [.. head.State.SelectMany(s => s.Value.data<float>().ToArray())]);
    }

    private static IEnumerable<object> Numbers(TrainingResult result) =>
        [.. result.Epochs.Select(e => (object)(e with { Seconds = 0 })), result.Best!.Epoch, result.Kept!.Epoch];

    private static FeatureSet Set(int perClass, string split)
    {
        var rows = SyntheticCache.Rows(perClass, Classes, split);
        return new FeatureSet(
            tensor([.. rows.SelectMany(r => SyntheticCache.Features(r, Channels, 0.4))], [rows.Count, Channels]),
            [.. rows.Select(r => Array.IndexOf(Classes, r.Label))]);
    }

    private sealed class ExpectedDeathException : Exception;
}
