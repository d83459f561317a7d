using Headstart.Cache;
using Headstart.Images;
using Headstart.Preprocessing;
using Headstart.Trainer.FineTuning;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Runs;
using Headstart.Trainer.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Headstart.Tests.FineTuning;

public sealed class TuningLoopTests : IAsyncLifetime
{
    private const int Batch = 6;
    private const double LearningRate = 1e-5; // the default; the head's is ten times that

    private readonly TemporaryFolder _folder = new();
    private TuningSample _sample = null!;

    public async ValueTask InitializeAsync() => _sample = await TuningSample.CreateAsync(_folder, views: 2);

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>Why tuning from a cache is exact, and not an approximation.</summary>
    [Fact]
    public async Task Losses_from_a_cache_equal_those_from_the_images()
    {
        var images = await ImagesAsync();
        using var cached = await CachedAsync(images, "block2_pool");
        using var shallow = await CachedAsync(images, "block1_pool");
        using var pictures = TuningSets.Open(images, _sample.Program.At("pictures"), null, _sample.Model.Contract.Preprocessing, null, CPU);

        var endToEnd = Losses(pictures.Train, null, 20);
        var fromCache = Losses(cached.Train, "block2_pool", 20);
        var fromShallower = Losses(shallow.Train, "block1_pool", 20);

        TestContext.Current.TestOutputHelper!.WriteLine(
            $"largest relative difference {fromCache.Zip(endToEnd).Max(p => Math.Abs((p.First / p.Second) - 1)):g3}");
        Assert.All(fromCache.Zip(endToEnd), p => Assert.Equal(p.Second, p.First, 1e-4 * p.Second));
        Assert.All(fromShallower.Zip(endToEnd), p => Assert.Equal(p.Second, p.First, 1e-4 * p.Second));
        // It learns, so the losses mean something.
        Assert.True(endToEnd[^3..].Average() < 0.8 * endToEnd[..3].Average(), string.Join(' ', endToEnd));
    }

    [Fact]
    public async Task Steps_leave_no_tensors_behind()
    {
        var images = await ImagesAsync();
        using var cached = await CachedAsync(images, "block2_pool");
        using var pictures = TuningSets.Open(images, _sample.Program.At("pictures"), null, _sample.Model.Contract.Preprocessing, null, CPU);
        foreach (var (rows, after) in new[] { (cached.Train, "block2_pool"), (pictures.Train, null) })
        {
            using var network = Network(after);
            using var groups = new TuningGroups(network, Options());
            Steps(1); // the first makes gradients and the optimizers' memory
            var before = DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;
            Steps(3);
            TuningLoop.Evaluate(network, rows, Batch, TestContext.Current.CancellationToken);
            Assert.Equal(before, DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount);

            void Steps(int count)
            {
                foreach (var batch in rows.Batches([.. Enumerable.Range(0, Batch * count)], [.. Enumerable.Repeat(Batch, count)], 1,
                    TestContext.Current.CancellationToken))
                {
                    using var step = NewDisposeScope();
                    TuningLoop.Step(network, groups, new Objective(2, []), batch, rows.Labels.AsSpan(0, Batch), LearningRate);
                }
            }
        }
    }

    // Keras has one Adam for everything; ours are as many as there are rates.
    [Fact]
    public async Task Groups_of_one_rate_move_like_a_single_Adam()
    {
        using var cached = await CachedAsync(await ImagesAsync(), "block2_pool");
        using var grouped = Network("block2_pool");
        using var single = Network("block2_pool");
        using var groups = new TuningGroups(grouped, Options() with { HeadLearningRate = LearningRate });
        using var adam = new KerasAdam([.. single.Head.Parameters.Select(p => p.Value), .. single.Base.Trained.Select(p => p.Value)]);
        foreach (var batch in cached.Train.Batches(
            [.. Enumerable.Range(0, 3 * Batch)], [Batch, Batch, Batch], 0, TestContext.Current.CancellationToken))
        {
            using var step = NewDisposeScope();
            TuningLoop.Step(grouped, groups, new Objective(2, []), batch, cached.Train.Labels.AsSpan(0, Batch), LearningRate);
            adam.ClearGradients();
            new Objective(2, []).Loss(single.Forward(batch), cached.Train.Labels.AsSpan(0, Batch)).backward();
            adam.Step(LearningRate);
        }

        Assert.Equal(Weights(single), Weights(grouped));
    }

    [Fact]
    public async Task Blocks_join_one_after_the_other_each_at_its_own_rate()
    {
        var images = await ImagesAsync();
        using var cached = await CachedAsync(images, "block1_pool");
        using var network = Network("block1_pool", from: "block1_pool");
        var options = Options(epochs: 2) with { Gradual = 1, DepthDecay = 0.5 };
        Assert.Equal(
            [("head", 1, 1e-4), ("block 3", 1, 1e-5), ("block 2", 2, 5e-6)],
            TuningGroups.Describe(network, options).Select(g => (g.Name, g.FirstEpoch, Math.Round(g.LearningRate, 9))));
        var before = Weights(network);
        var afterEpochs = new List<Dictionary<string, float[]>>();

        TuningLoop.Run(network, cached.Train, cached.Validation, ["cats", "dogs"], options, _ => afterEpochs.Add(Weights(network)),
            TimeProvider.System, null, null, CancellationToken.None);

        Assert.Equal(before["block2_conv1.weight"], afterEpochs[0]["block2_conv1.weight"]);
        Assert.NotEqual(before["block3_conv1.weight"], afterEpochs[0]["block3_conv1.weight"]);
        Assert.NotEqual(before["block2_conv1.weight"], afterEpochs[1]["block2_conv1.weight"]);

        // Adam's first steps are as long as its rate, whatever the gradient: 4 steps in an epoch.
        Assert.InRange(Moved("block3_conv1.bias", before, afterEpochs[0]), 0.9e-5, 4.1e-5);
        Assert.InRange(Moved("block2_conv1.bias", before, afterEpochs[1]), 0.9 * 5e-6, 4.1 * 5e-6);

        static double Moved(string name, Dictionary<string, float[]> from, Dictionary<string, float[]> to) =>
            from[name].Zip(to[name]).Max(p => Math.Abs(p.First - p.Second));
    }

    [Fact]
    public async Task Pictures_are_prepared_as_extraction_prepares_them_plain_and_in_views()
    {
        var images = await ImagesAsync();
        var augmentation = new Augmentation { Seed = 5 };
        var preprocessing = _sample.Model.Contract.Preprocessing;
        using var pictures = TuningSets.Open(images, _sample.Program.At("pictures"), null, preprocessing, augmentation, CPU);
        var preprocessor = new ImagePreprocessor(preprocessing);
        int[] order = [3, 1, 4, 0, 2];
        foreach (var epoch in new[] { 0, 1, 7 })
        {
            var expected = order.SelectMany(i =>
            {
                var image = ImageDecoder.Decode(
                    File.ReadAllBytes(Path.Combine(_sample.Program.At("pictures"), images.Train[i].Path)), ExifOrientation.Ignore);
                var chw = new float[preprocessor.Length];
                if (epoch == 0)
                    preprocessor.Apply(image, chw);
                else
                    preprocessor.Apply(image, ImageView.Draw(augmentation, images.Train[i].Sha256, epoch, image.Width, image.Height), chw);
                return chw;
            });
            var found = pictures.Train.Batches(order, [2, 2, 1], epoch, TestContext.Current.CancellationToken)
                .SelectMany(b => b.data<float>().ToArray()).ToArray();
            Assert.Equal(expected, found);
        }
    }

    [Fact]
    public async Task Cached_views_are_drawn_for_training_and_never_for_validation()
    {
        var images = await ImagesAsync();
        using var plain = await CachedAsync(images, "block2_pool");
        using var views = await CachedAsync(images, "block2_pool", augment: true);
        int[] order = [.. Enumerable.Range(0, views.Train.Count)];

        var same = First(views.Train, 1).Zip(First(plain.Train, 0)).Count(p => p.First.SequenceEqual(p.Second));

        Assert.InRange(same, 1, order.Length - 2); // one of three views is the plain one
        Assert.NotEqual(First(views.Train, 1), First(views.Train, 2));
        Assert.Equal(First(plain.Validation, 0), First(views.Validation, 0));

        float[][] First(TuningRows rows, int epoch) => [.. rows.Batches(
            [.. Enumerable.Range(0, rows.Count)], [rows.Count], epoch, TestContext.Current.CancellationToken)
                .SelectMany(b => Enumerable.Range(0, rows.Count).Select(i => b[i].data<float>().ToArray()))];
    }

    [Fact]
    public async Task Bfloat16_is_near_float32()
    {
        try
        {
            ComputePrecision.Bfloat16.RequireFast(CPU);
        }
        catch (CommandException e)
        {
            Assert.Skip(e.Message);
        }

        using var cached = await CachedAsync(await ImagesAsync(), "block2_pool");
        var exact = Losses(cached.Train, "block2_pool", 5);
        var coarse = Losses(cached.Train, "block2_pool", 5, ComputePrecision.Bfloat16);

        Assert.NotEqual(exact, coarse);
        Assert.All(coarse.Zip(exact), p => Assert.Equal(p.Second, p.First, 0.05 * p.Second)); // 8 bits of mantissa: 0.4% a value
    }

    private async Task<RunImages> ImagesAsync() =>
        await RunImages.OpenAsync(_sample.Run, "run", null, null, TestContext.Current.CancellationToken);

    private async Task<TuningSets> CachedAsync(RunImages images, string layer, bool augment = false)
    {
        if (!Directory.Exists(_sample.Program.At("shallow")) && layer == "block1_pool")
            await _sample.WriteCacheAsync("shallow", ["block1_pool"]);
        var cache = await FeatureCache.OpenAsync(
            _sample.Program.At(layer == "block1_pool" ? "shallow" : "cache"), TestContext.Current.CancellationToken);
        return await TuningSets.LoadAsync(
            images, cache, null, cache.Layer(layer), augment, 0, CPU, new Progress<int>(), TestContext.Current.CancellationToken);
    }

    private TunedNetwork Network(string? after, string? from = "block2_pool", ComputePrecision precision = ComputePrecision.Float32)
    {
        // Without dropout: its chance is the head's own, and would differ between two heads in one test.
        var plan = HeadPlan.Create(HeadSpec.Parse("flatten, dense(8, relu)"), _sample.Model.Contract.Layers[^1], 2);
        var network = new TunedNetwork(OnnxTail.FromModel(_sample.Model, CPU, after, "block3_pool", precision), new Head(plan, 1, CPU));
        network.Unfreeze(from);
        return network;
    }

    private static TuningOptions Options(int epochs = 1) =>
        new() { Training = new TrainingOptions { LearningRate = LearningRate, Epochs = epochs, Batch = Batch } };

    private static Dictionary<string, float[]> Weights(TunedNetwork network) =>
        network.Head.ToNamedTensors().Concat(network.TunedTensors).ToDictionary(t => t.Name, t => t.Values);

    /// <summary>The loss of each step, each time over the same batches.</summary>
    private double[] Losses(TuningRows rows, string? after, int steps, ComputePrecision precision = ComputePrecision.Float32)
    {
        using var network = Network(after, precision: precision);
        using var groups = new TuningGroups(network, Options());
        var losses = new List<double>();
        for (var epoch = 1; losses.Count < steps; epoch++)
        {
            var order = Enumerable.Range(0, rows.Count).ToArray();
            new SeededRandom(0, "shuffle", epoch).Shuffle(order.AsSpan());
            var first = 0;
            foreach (var batch in rows.Batches(
                order, TrainingLoop.BatchSizes(rows.Count, Batch, false), 0, TestContext.Current.CancellationToken))
            {
                using var step = NewDisposeScope();
                int[] labels = [.. order.Skip(first).Take(Batch).Select(i => rows.Labels[i])];
                losses.Add(TuningLoop.Step(network, groups, new Objective(2, []), batch, labels, LearningRate).Loss.item<float>());
                first += Batch;
            }
        }

        return [.. losses.Take(steps)];
    }
}
