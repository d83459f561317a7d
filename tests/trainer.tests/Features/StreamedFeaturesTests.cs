using Headstart.Cache;
using Headstart.Models;
using Headstart.Trainer.Features;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Training;
using static TorchSharp.torch;

namespace Headstart.Tests.Features;

/// <summary>Counts all live tensors of the process, so nothing may run beside it.</summary>
[CollectionDefinition(nameof(StreamedFeaturesTests), DisableParallelization = true)]
[Collection(nameof(StreamedFeaturesTests))]
public sealed class StreamedFeaturesTests : IDisposable
{
    private const int PerClass = 60;
    private const int Length = 24;
    private static readonly string[] Classes = ["cats", "cows", "dogs"];
    private static readonly ModelLayer Layer = new("block", new LayerShape(6, 2, 2));

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("flatten", 7, 7)] // a row group a block
    [InlineData("flatten", 7, 50)]
    [InlineData("gap", 16, 33)]
    [InlineData("avgpool(2), flatten", 16, 1000)] // everything in one block
    [InlineData("batchnorm, flatten", 5, 20)] // four dimensions stay
    public async Task Epoch_has_every_image_once_with_its_label_whatever_the_blocks(string spec, int partRows, int blockRows)
    {
        var data = await OpenAsync(SyntheticCache.Rows(PerClass, Classes), partRows);
        using var head = CreateHead(spec);
        using var loaded = await FeaturesAsync(data, head, null);
        using var streamed = await FeaturesAsync(data, head, blockRows);
        using var read = await FeaturesAsync(data, head, blockRows, spills: false);

        Assert.Equal(loaded.Train.RowShape, streamed.Train.RowShape);
        var expected = Sorted(Epoch(loaded.Train, 1));
        var first = Epoch(streamed.Train, 1);
        Assert.Equal(expected, Sorted(first));
        Assert.Equal(first, Epoch(streamed.Train, 1));
        var second = Epoch(streamed.Train, 2);
        Assert.Equal(expected, Sorted(second));
        Assert.NotEqual(first, second);
        Assert.Equal(Sorted(InOrder(loaded.Validation)), Sorted(InOrder(streamed.Validation)));
        Assert.Equal(Sorted(InOrder(loaded.Train)), Sorted(InOrder(streamed.Train)));

        Assert.Equal(first, Epoch(read.Train, 1));
        Assert.Equal(second, Epoch(read.Train, 2));
        Assert.Equal(InOrder(streamed.Validation), InOrder(read.Validation));
    }

    [Theory]
    [InlineData("flatten")]
    [InlineData("gap")]
    public async Task What_was_read_once_is_not_asked_of_the_cache_again(string spec)
    {
        var data = await OpenAsync(SyntheticCache.Rows(PerClass, Classes), 8);
        using var head = CreateHead(spec);
        using var features = await FeaturesAsync(data, head, 24);
        using var read = await FeaturesAsync(data, head, 24, spills: false);
        var epochs = (Epoch(read.Train, 1), Epoch(read.Train, 2), InOrder(read.Validation));
        Assert.Equal(epochs.Item1, Epoch(features.Train, 1));

        Directory.Delete(data.Cache.Folder, recursive: true);

        Assert.Equal((epochs.Item2, epochs.Item3), (Epoch(features.Train, 2), InOrder(features.Validation)), AreEqual);
        Assert.Throws<CommandException>(() => Epoch(read.Train, 2));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));

        static bool AreEqual((List<string> Train, List<string> Validation) a, (List<string> Train, List<string> Validation) b) =>
            a.Train.SequenceEqual(b.Train) && a.Validation.SequenceEqual(b.Validation);
    }

    [Fact]
    public async Task Order_is_the_same_however_late_features_come()
    {
        var data = await OpenAsync(SyntheticCache.Rows(PerClass, Classes), 8);
        using var head = CreateHead("flatten");
        using var features = await FeaturesAsync(data, head, 24);
        var expected = Epoch(features.Train, 3);

        // A pass that is given up midway, and other passes in between, leave no trace.
        using (var images = features.Train.Shuffled(0, 7, TestContext.Current.CancellationToken))
            images.Next(new float[Length * 30], new int[30]);
        InOrder(features.Validation);

        Assert.Equal(expected, Epoch(features.Train, 3, pause: 2));
    }

    [Fact]
    public async Task Views_are_drawn_before_reading_one_of_each_image()
    {
        var plain = SyntheticCache.Rows(20, Classes);
        List<CacheRow> rows = [.. plain.SelectMany(r => Enumerable.Range(0, 4).Select(v => r with { View = v }))];
        var data = await OpenAsync(rows, 16);
        using var head = CreateHead("flatten");
        using var features = await FeaturesAsync(data, head, 40);
        var imageOf = rows.ToDictionary(r => string.Join(' ', SyntheticCache.Features(r, Length, 1)), r => (r.Path, r.View));

        var seen = new HashSet<int>();
        for (var epoch = 1; epoch <= 3; epoch++)
        {
            var drawn =
                Epoch(features.Train, epoch).Select(line => imageOf[line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..]]).ToList();
            Assert.Equal(data.Split.TrainImages, drawn.Select(d => d.Path).Distinct().Count());
            Assert.Equal(data.Split.TrainImages, drawn.Count);
            seen.UnionWith(drawn.Select(d => d.View));
        }

        Assert.Equal([0, 1, 2, 3], seen.Order());
        Assert.All(
            InOrder(features.Train), line => Assert.Equal(0, imageOf[line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..]].View));
    }

    [Fact]
    public async Task Training_on_one_block_differs_from_one_in_memory_by_the_order_alone_and_resumes_bit_for_bit()
    {
        var data = await OpenAsync(SyntheticCache.Rows(PerClass, Classes), 8);
        var (whole, weights) = await TrainAsync(data, 24, null, epochs: 4);
        var (again, same) = await TrainAsync(data, 24, null, epochs: 4);
        Assert.Equal(whole.Epochs.Select(e => (e.Train, e.Val)), again.Epochs.Select(e => (e.Train, e.Val)));
        Assert.Equal(weights, same);

        await TrainAsync(data, 24, _folder.File("checkpoint"), epochs: 2);
        var (resumed, after) = await TrainAsync(data, 24, _folder.File("checkpoint"), epochs: 4);

        Assert.Equal(2, resumed.ResumedAfter);
        Assert.Equal(whole.Epochs.Select(e => (e.Train, e.Val)), resumed.Epochs.Select(e => (e.Train, e.Val)));
        Assert.Equal(weights, after);

        var (inMemory, _) = await TrainAsync(data, null, null, epochs: 4);
        Assert.Equal(inMemory.Kept!.Val.Loss, whole.Kept!.Val.Loss, 0.1);
    }

    [Fact]
    public async Task Exact_solution_is_the_same_streamed_as_in_memory()
    {
        var data = await OpenAsync(SyntheticCache.Rows(PerClass, Classes), 8);
        var options = new TrainingOptions { Optimizer = OptimizerChoice.Lbfgs, L2 = 0.01 };

        var (loaded, weights) = await TrainAsync(data, null, null, 0, options, "gap");
        var (streamed, found) = await TrainAsync(data, 24, null, 0, options, "gap");

        Assert.True(streamed.Solution!.Converged);
        Assert.Equal(loaded.Kept!.Val.Loss, streamed.Kept!.Val.Loss, 1e-6);
        Assert.All(weights.Zip(found), w => Assert.Equal(w.First, w.Second, 1e-5f));
    }

    [Fact]
    public async Task Streaming_leaves_no_tensor_behind()
    {
        var data = await OpenAsync(SyntheticCache.Rows(PerClass, Classes), 8);
        await LeftBehindAsync(null);

        Assert.Equal(await LeftBehindAsync(null), await LeftBehindAsync(24));

        async Task<long> LeftBehindAsync(int? blockRows)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            var before = Tensor.TotalCount;
            var counts = new List<long>();
            using var head = CreateHead("gap, batchnorm, dense(4)");
            using (var features = await FeaturesAsync(data, head, blockRows))
            {
                TrainingLoop.Run(
                    head, features.Train, features.Validation, Classes, new TrainingOptions { Epochs = 8 },
                    _ => counts.Add(Tensor.TotalCount), TimeProvider.System, null,
                    TestContext.Current.CancellationToken);
            }

            // The second reader's memory comes when it first has something to read.
            Assert.InRange(counts[^1] - counts[0], 0, 1);
            return Tensor.TotalCount - before;
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Value_that_is_not_finite_is_refused_with_its_image(bool validates)
    {
        var healthy = await OpenAsync(SyntheticCache.Rows(PerClass, Classes), 8, folder: "healthy");
        var bad = healthy.Joined.Rows[(validates ? healthy.Split.Validation : healthy.Split.Train)[30]].Path;
        var data = await OpenAsync(SyntheticCache.Rows(PerClass, Classes), 8, (row, layer) =>
        {
            var values = Values(row, layer);
            if (row.Path == bad)
                values[3] = float.NaN;
            return values;
        });

        var error = await Assert.ThrowsAsync<CommandException>(() => TrainAsync(data, 24, null, epochs: 2));

        Assert.Contains($"{bad} has a value in block that is not a finite number", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Part_that_vanishes_or_changes_between_epochs_is_named_and_the_checkpoint_stays()
    {
        foreach (var spoil in (Action<string>[])[File.Delete, p => File.WriteAllBytes(p, [.. File.ReadAllBytes(p), 0])])
        {
            var folder = $"{Guid.NewGuid()}";
            var data = await OpenAsync(SyntheticCache.Rows(PerClass, Classes), 8, folder: folder);
            var part = data.Cache.RowGroups[4].PartPath;
            var checkpoint = _folder.File(folder, "checkpoint");

            var error = await Assert.ThrowsAsync<CommandException>(() => TrainAsync(data, 24, checkpoint, epochs: 3, onEpoch: e =>
            {
                if (e.Epoch == 2)
                    spoil(part);
            }, spills: false));

            Assert.Contains(Path.GetFileName(part), error.Message, StringComparison.Ordinal);
            Assert.Equal(2, new Checkpoint(checkpoint, TimeSpan.Zero, TimeProvider.System).Epochs.Count);
        }
    }

    [Fact]
    public async Task Training_that_is_cancelled_while_it_waits_for_features_ends_as_interrupted()
    {
        var data = await OpenAsync(SyntheticCache.Rows(PerClass, Classes), 8);
        using var cancellation = new CancellationTokenSource();
        var (result, _) = await TrainAsync(data, 24, null, epochs: 5, onEpoch: e =>
        {
            if (e.Epoch == 2)
                cancellation.Cancel();
        }, cancelled: cancellation.Token);

        Assert.True(result.Interrupted);
        Assert.Equal(2, result.Epochs.Count);
    }

    private async Task<TrainingData> OpenAsync(
        List<CacheRow> rows, int partRows, Func<CacheRow, ModelLayer, float[]>? features = null, string folder = "cache")
    {
        await SyntheticCache.WriteAsync(_folder.File(folder), SyntheticCache.Contract(Layer), rows, features ?? Values, partRows);
        return await TrainingData.OpenAsync(_folder.File(folder), null, null, 0.2, 0, TestContext.Current.CancellationToken);
    }

    private Task<TrainingFeatures> FeaturesAsync(TrainingData data, Head head, int? blockRows, bool spills = true) =>
        TrainingFeatures.OpenAsync(
            data, new MemoryPlan(null, blockRows, HoldsValidation: false), head, spills ? _folder.File() : null, new Progress<int>(),
            TestContext.Current.CancellationToken);

    private async Task<(TrainingResult Result, float[] Weights)> TrainAsync(
        TrainingData data, int? blockRows, string? checkpoint, int epochs, TrainingOptions? options = null,
        string spec = "flatten, dense(8, relu), dropout(0.2), batchnorm",
        Action<EpochRecord>? onEpoch = null, CancellationToken? cancelled = null, bool spills = true)
    {
        using var head = CreateHead(spec);
        using var features = await FeaturesAsync(data, head, blockRows, spills);
        var result = TrainingLoop.Run(
            head, features.Train, features.Validation, data.Classes,
            options ?? new TrainingOptions { Epochs = epochs, Batch = 10, LearningRate = 1e-2 }, onEpoch ?? (_ => { }),
            TimeProvider.System, checkpoint is null ? null : new Checkpoint(checkpoint, TimeSpan.Zero, TimeProvider.System),
            cancelled ?? TestContext.Current.CancellationToken);
        return (result, [.. head.ToNamedTensors().SelectMany(t => t.Values)]);
    }

    private static Head CreateHead(string spec) => new(HeadPlan.Create(HeadSpec.Parse(spec), Layer, Classes.Length), 1, CPU);

    // An image as "label:values".
    private static List<string> Epoch(FeatureSource source, int epoch, int pause = 0)
    {
        using var images = source.Shuffled(5, epoch, TestContext.Current.CancellationToken);
        var length = source.RowShape.Aggregate(1L, (a, b) => a * b);
        var lines = new List<string>();
        while (lines.Count < source.Count)
        {
            var labels = new int[Math.Min(9, source.Count - lines.Count)];
            var values = new float[labels.Length * length];
            images.Next(values, labels);
            lines.AddRange(values.Chunk((int)length).Zip(labels, (row, label) => $"{label}:{string.Join(' ', row)}"));
            TestContext.Current.CancellationToken.WaitHandle.WaitOne(pause);
        }

        return lines;
    }

    private static List<string> InOrder(FeatureSource source)
    {
        var lines = new List<string>();
        foreach (var batch in source.InOrder(7, TestContext.Current.CancellationToken))
        {
            using var rows = batch;
            foreach (var row in rows.contiguous().data<float>().ToArray().Chunk((int)(rows.numel() / rows.shape[0])))
                lines.Add($"{source.Labels[lines.Count]}:{string.Join(' ', row)}");
        }

        return lines;
    }

    private static List<string> Sorted(List<string> lines) => [.. lines.Order(StringComparer.Ordinal)];

    private static float[] Values(CacheRow row, ModelLayer layer) => SyntheticCache.Features(row, layer.Shape.Length, 1);
}
