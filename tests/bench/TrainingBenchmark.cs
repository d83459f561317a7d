using System.Diagnostics;
using System.Globalization;
using Headstart.Extraction.Runtime;
using Headstart.Models;
using Headstart.Trainer.Features;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Training;
using static TorchSharp.torch;

namespace Headstart.Bench;

/// <summary>An epoch of the reference head on 2,000 images of VGG16's block5_pool, beside what it could be measured against.</summary>
internal static class TrainingBenchmark
{
    private const int Rows = 2000;
    private const int Batch = 32;
    private const int Epochs = 2;
    private const int BaseBatches = 2;
    private static readonly ModelLayer Layer = new("block5_pool", new LayerShape(512, 7, 7));

    /// <param name="modelPath">A base to measure the Keras way with, which runs it again in every epoch; null for none.</param>
    public static async Task RunAsync(int rounds, string? modelPath)
    {
        using var features = Features(Rows);
        using var validation = Features(Batch);
        Console.WriteLine($"{HeadSpec.Reference}, output(1); {Rows:N0} x {Layer.Shape.Length:N0} features, batches of {Batch}, " +
            $"{get_num_threads()} threads");
        using var ours = NewHead();
        using var alone = NewHead();
        using var stock = NewHead();
        using var stockAdam = optim.Adam(stock.Parameters.Select(p => p.Value));
        var turns = new Turns(rounds);
        turns.Add("epochs of trainer train", "images", () => OurEpochs(ours, features, validation));
        turns.Add("gather, forward and backward alone", "images", () => Epoch(alone, features, () => Clear(alone), () => { }));
        turns.Add("the same with TorchSharp's own Adam", "images",
            () => Epoch(stock, features, () => stockAdam.zero_grad(), () => stockAdam.step()));
        await turns.RunAsync();
        if (modelPath is null)
            return;
        using var network = BaseNetwork.Load(ModelFile.Load(modelPath), [], ExecutionDevice.Cpu, Environment.ProcessorCount);
        KerasWay(network, Seconds(() => OurEpochs(ours, features, validation).GetAwaiter().GetResult()) / Epochs);
    }

    // The real loop: order, steps, figures, validation on one batch, the copy of the weights that is kept.
    private static Task<double> OurEpochs(Head head, FeatureSet features, FeatureSet validation)
    {
        TrainingLoop.Run(head, features, validation, ["a", "b"], new TrainingOptions { Epochs = Epochs, Batch = Batch }, _ => { },
            TimeProvider.System, null, CancellationToken.None);
        return Task.FromResult((double)Epochs * Rows);
    }

    // Keras runs the frozen base for every image in every epoch. Two batches are run, and scaled: a whole epoch would take minutes.
    private static void KerasWay(BaseNetwork network, double ours)
    {
        var size = network.FixedBatch ?? Batch;
        using var pictures = network.CreateBatch(size);
        network.Run(pictures);
        var perImage = Seconds(() =>
        {
            for (var i = 0; i < BaseBatches; i++)
                network.Run(pictures);
        }) / (BaseBatches * size);
        var epoch = (perImage * Rows) + ours;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"the Keras way, {network.Model.Contract.Name} again every epoch: {epoch:0} s an epoch, {epoch / ours:0.0} times ours " +
            $"(scaled from {BaseBatches * size} images through ONNX Runtime, decoding left out; ours {ours:0.00} s)"));
    }

    private static Task<double> Epoch(Head head, FeatureSet features, Action clear, Action step)
    {
        head.IsTraining = true;
        using var minibatch = new Minibatch(features, Batch, head.Device);
        var objective = new Objective(2, []);
        var order = Enumerable.Range(0, Rows).ToArray();
        for (var first = 0; first < Rows; first += Batch)
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(Batch, Rows - first);
            var loss =
                objective.Loss(head.ForwardReduced(minibatch.Gather(order.AsSpan(first, count))), features.Labels.AsSpan(first, count));
            clear();
            loss.backward();
            step();
        }

        return Task.FromResult((double)Rows);
    }

    private static void Clear(Head head)
    {
        foreach (var (_, value) in head.Parameters)
            value.grad = null;
    }

    private static Head NewHead() => new(HeadPlan.Create(HeadSpec.Parse(HeadSpec.Reference), Layer, 2), seed: 0, CPU);

    // Nine values in ten are 0, as in block5_pool of photographs.
    private static FeatureSet Features(int rows)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var values = rand([rows, Layer.Shape.Length], generator: generator).sub_(0.9f).clamp_(min: 0).mul_(100);
        return new FeatureSet(values.DetachFromDisposeScope(), [.. Enumerable.Range(0, rows).Select(i => i % 2)]);
    }

    private static double Seconds(Action work)
    {
        var start = Stopwatch.GetTimestamp();
        work();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
