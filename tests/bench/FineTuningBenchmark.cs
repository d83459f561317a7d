using System.Diagnostics;
using System.Globalization;
using Headstart.Models;
using Headstart.Trainer.FineTuning;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Training;
using static TorchSharp.torch;

namespace Headstart.Bench;

/// <summary>
/// A step of tuning VGG16's last block from the cached layer before it, beside the same step from the image, and both in bfloat16.
/// </summary>
internal static class FineTuningBenchmark
{
    private const int Batch = 16;

    /// <param name="rounds">Each is one step of every way.</param>
    /// <param name="modelPath">A VGG with block4_pool and block5_pool.</param>
    public static void Run(int rounds, string modelPath)
    {
        var model = ModelFile.Load(modelPath);
        var size = model.Contract.Preprocessing.Size;
        var prefix = model.Contract.Layers.First(l => l.Name == "block4_pool").Shape;
        using var generator = new Generator(1);
        using var images = randn([Batch, 3, size, size], generator: generator).mul_(60);
        using var cached = Features(model, images);
        Console.WriteLine($"{HeadSpec.Reference}, output(1) on block5_pool; block 5 of {model.Contract.Name} unfrozen; steps of {Batch} " +
            $"images, {get_num_threads()} threads");
        List<(string Name, Way Way, Tensor Input)> ways =
            [("from cached block4_pool", new Way(model, "block4_pool"), cached), ("end to end", new Way(model, null), images)];
        try
        {
            ComputePrecision.Bfloat16.RequireFast(CPU);
            ways.Add(("from cached block4_pool, bfloat16", new Way(model, "block4_pool", ComputePrecision.Bfloat16), cached));
            ways.Add(("end to end, bfloat16", new Way(model, null, ComputePrecision.Bfloat16), images));
        }
        catch (CommandException e)
        {
            Console.WriteLine(e.Message);
        }

        var times = ways.ConvertAll(_ => new List<double>());
        for (var round = -1; round < rounds; round++)
        {
            for (var i = 0; i < ways.Count; i++)
            {
                var start = Stopwatch.GetTimestamp();
                ways[i].Way.Step(ways[i].Input);
                if (round >= 0)
                    times[i].Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }
        }

        for (var i = 0; i < ways.Count; i++)
        {
            var ratios = times[1].Zip(times[i], (endToEnd, mine) => endToEnd / mine).Order().ToArray();
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{ways[i].Name,-36} {times[i].Order().ElementAt(rounds / 2),8:N0} ms a step ({times[i].Min():N0} to " +
                $"{times[i].Max():N0})   {ratios[rounds / 2],5:0.00} times as fast as end to end"));
            ways[i].Way.Dispose();
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"a cached row takes {prefix.Length * sizeof(float) / 1000} KB"));
    }

    private static Tensor Features(ModelFile model, Tensor images)
    {
        using var noGradient = no_grad();
        using var network = OnnxTail.FromModel(model, CPU, null, "block4_pool");
        using var features = network.Forward(images);
        return features.contiguous();
    }

    private sealed class Way : IDisposable
    {
        private static readonly int[] Labels = [.. Enumerable.Range(0, Batch).Select(i => i % 2)];

        private readonly TunedNetwork _network;
        private readonly TuningGroups _groups;
        private readonly Objective _objective = new(2, []);

        public Way(ModelFile model, string? after, ComputePrecision precision = ComputePrecision.Float32)
        {
            var layer = model.Contract.Layers.First(l => l.Name == "block5_pool");
            var head = new Head(HeadPlan.Create(HeadSpec.Parse(HeadSpec.Reference), layer, 2), 0, CPU) { IsTraining = true };
            _network = new TunedNetwork(OnnxTail.FromModel(model, CPU, after, layer.Name, precision), head);
            _network.Unfreeze("block4_pool");
            _groups = new TuningGroups(_network, new TuningOptions { Training = new TrainingOptions { LearningRate = 1e-5 } });
        }

        public void Step(Tensor input)
        {
            using var step = NewDisposeScope();
            TuningLoop.Step(_network, _groups, _objective, input, Labels, 1e-5);
        }

        public void Dispose()
        {
            _groups.Dispose();
            _network.Dispose();
        }
    }
}
