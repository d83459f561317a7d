using System.Globalization;
using Headstart.Cache;
using Headstart.Extraction.Pipeline;
using Headstart.Extraction.Runtime;
using Headstart.Images;
using Headstart.Models;
using Headstart.Trainer.Features;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Tensors;
using Headstart.Trainer.Training;
using static TorchSharp.torch;

namespace Headstart.Bench;

/// <summary>An int8 model beside the float32 model that it was made from: speed, and what heads make of its features.</summary>
internal static class QuantizationBenchmark
{
    private const int Batch = 8;

    /// <summary>The network alone and the whole extraction, the two models in turns.</summary>
    public static async Task SpeedAsync(string floatPath, string integerPath, string imagesPath, int count, int rounds)
    {
        var threads = Environment.ProcessorCount;
        var all = ImageSet.Open(imagesPath);
        var images = all with { Items = [.. all.Items.Where((_, i) => i % Math.Max(1, all.Items.Count / count) == 0).Take(count)] };
        var deepest = ModelFile.Load(floatPath).Contract.Layers[^1].Name;
        using var reference = BaseNetwork.Load(ModelFile.Load(floatPath), [deepest], ExecutionDevice.Cpu, threads);
        using var integer = BaseNetwork.Load(ModelFile.Load(integerPath), [deepest], ExecutionDevice.Cpu, threads);
        using var ready = reference.CreateBatch(Batch);
        SyntheticInput.Create(reference.Model.Contract.Preprocessing, seed: 0).CopyTo(ready.InputOf(0));
        Console.WriteLine(
            $"{reference.Model.Contract.Name}, {deepest}, {images.Items.Count} images, batches of {Batch}, {threads} threads");
        foreach (var (what, run) in new (string, Func<BaseNetwork, Task<double>>)[] { ("network alone", Alone), ("extract", ExtractAsync) })
        {
            var turns = new Turns(rounds);
            turns.Add($"{what}, float32", "images", () => run(reference));
            turns.Add($"{what}, int8", "images", () => run(integer));
            await turns.RunAsync();
        }

        Task<double> Alone(BaseNetwork network)
        {
            var batches = (images.Items.Count + Batch - 1) / Batch;
            for (var i = 0; i < batches; i++)
                network.Run(ready);
            return Task.FromResult((double)batches * Batch);
        }

        async Task<double> ExtractAsync(BaseNetwork network)
        {
            var folder = Directory.CreateTempSubdirectory("headstart-bench-");
            try
            {
                var result = await new ExtractionRun(
                    images, network, new CacheFolder(folder.FullName), new ExtractionSettings(Batch, threads), TimeProvider.System)
                    .RunAsync(_ => new Progress<int>(), CancellationToken.None);
                return result.Computed;
            }
            finally
            {
                folder.Delete(recursive: true);
            }
        }
    }

    /// <summary>Heads trained on float32 features and on int8 features, and the first kind run on the second's features.</summary>
    /// <param name="floatCache">Extracted with the float32 model; has a split.</param>
    /// <param name="integerCache">The same pictures, extracted with the int8 model.</param>
    public static async Task HeadsAsync(string floatCache, string integerCache, string headSpec, int epochs, double learningRate, int seeds)
    {
        using var reference = await Features.LoadAsync(floatCache, headSpec);
        using var integer = await Features.LoadAsync(integerCache, headSpec);
        Console.WriteLine($"{headSpec}, {epochs} epochs, learning rate {learningRate.ToString(CultureInfo.InvariantCulture)}; " +
            $"{reference.Train.Count} to train, {reference.Validation.Count} to validate");
        var accuracies = (Float: new List<double>(), Integer: new List<double>(), Crossed: new List<double>());
        for (var seed = 0; seed < seeds; seed++)
        {
            var options = new TrainingOptions { Epochs = epochs, LearningRate = learningRate, Seed = seed };
            using var first = reference.NewHead(seed);
            using var second = integer.NewHead(seed);
            accuracies.Float.Add(Train(first, reference, options));
            accuracies.Integer.Add(Train(second, integer, options));
            accuracies.Crossed.Add(TrainingLoop.Evaluate(first, integer.Validation).Accuracy);
            var (flips, change) = Compare(
                TrainingLoop.Predict(first, reference.Validation), TrainingLoop.Predict(first, integer.Validation), first.Plan.Outputs);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"seed {seed}: float32 {accuracies.Float[^1]:0.0000}, int8 {accuracies.Integer[^1]:0.0000}; trained on float32, run on " +
                $"int8: " +
                $"{accuracies.Crossed[^1]:0.0000}, {flips} of {reference.Validation.Count} decisions differ, probabilities by " +
                $"{change.Mean:0.0000} on average, {change.Largest:0.000} at most"));
        }

        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"mean: float32 {accuracies.Float.Average():0.0000}, int8 {accuracies.Integer.Average():0.0000} " +
            $"({100 * (accuracies.Integer.Average() - accuracies.Float.Average()):+0.00;-0.00;0} points), crossed " +
            $"{accuracies.Crossed.Average():0.0000}"));
    }

    private static double Train(Head head, Features features, TrainingOptions options) =>
        TrainingLoop.Run(head, features.Train, features.Validation, features.Classes, options, _ => { }, TimeProvider.System, null,
            CancellationToken.None).Kept!.Val.Accuracy;

    private static (int Flips, (double Mean, double Largest) Change) Compare(float[] a, float[] b, int outputs)
    {
        var changes = new List<double>();
        var flips = 0;
        for (var row = 0; row < a.Length / outputs; row++)
        {
            var (p, q) = (Probabilities(a.AsSpan(row * outputs, outputs)), Probabilities(b.AsSpan(row * outputs, outputs)));
            changes.Add(p.Zip(q).Max(pair => Math.Abs(pair.First - pair.Second)));
            flips += p.IndexOf(p.Max()) == q.IndexOf(q.Max()) ? 0 : 1;
        }

        return (flips, (changes.Average(), changes.Max()));
    }

    private static List<double> Probabilities(ReadOnlySpan<float> logits)
    {
        double[] all = logits.Length == 1 ? [0, logits[0]] : [.. logits.ToArray().Select(l => (double)l)];
        var exponentials = all.Select(l => Math.Exp(l - all.Max())).ToArray();
        return [.. exponentials.Select(e => e / exponentials.Sum())];
    }

    private sealed record Features(FeatureSet Train, FeatureSet Validation, IReadOnlyList<string> Classes, HeadPlan Plan) : IDisposable
    {
        public static async Task<Features> LoadAsync(string folder, string headSpec)
        {
            var cache = await FeatureCache.OpenAsync(folder, CancellationToken.None);
            var split = RowSplit.Of(cache.Rows, cache.Folder, 0.2, 0);
            var classes = RowSplit.Classes(cache.Rows, split.Train);
            var layer = cache.Contract.Layers[^1];
            var plan = HeadPlan.Create(HeadSpec.Parse(headSpec), layer, classes.Count);
            using var head = new Head(plan, seed: 0, CPU);

            // By path, so that both caches give the same order whatever their parts.
            int[] Sorted(IReadOnlyList<int> rows) => [.. rows.OrderBy(r => cache.Rows[r].Path, StringComparer.Ordinal)];
            var sets = await new FeatureLoader(cache, layer, head)
                .LoadAsync(classes, [Sorted(split.Train), Sorted(split.Validation)], new Progress<int>(), CancellationToken.None);
            return new Features(sets[0], sets[1], classes, plan);
        }

        public Head NewHead(int seed) => new(Plan, seed, CPU);

        public void Dispose()
        {
            Train.Dispose();
            Validation.Dispose();
        }
    }
}
