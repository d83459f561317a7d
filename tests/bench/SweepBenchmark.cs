using Headstart.Models;
using Headstart.Trainer.Features;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Sweeps;
using Headstart.Trainer.Training;
using static TorchSharp.torch;

namespace Headstart.Bench;

/// <summary>Many small heads trained together beside one trained alone, on pooled features as MobileNetV2 has them.</summary>
internal static class SweepBenchmark
{
    private const int Channels = 1280;
    private const int TrainRows = 1000;
    private const int ValRows = 400;
    private const int Together = 32;
    private const int Epochs = 30;

    public static async Task RunAsync(int rounds)
    {
        using var train = Features(TrainRows, 1);
        using var validation = Features(ValRows, 2);
        foreach (var spec in (string[])["gap", "gap, dense(8, relu)"])
        {
            Console.WriteLine($"{spec}: {TrainRows} + {ValRows} rows of {Channels}, batches of 32, adam; epochs with validation, " +
                $"{get_num_threads()} threads");
            var turns = new Turns(rounds);
            turns.Add("one head, alone", "epochs", () => Alone(spec, train, validation));
            turns.Add($"{Together} heads together, one seed", "epochs", () => InOne(spec, train, validation, _ => 0));
            turns.Add($"{Together} heads together, 4 seeds", "epochs", () => InOne(spec, train, validation, i => i % 4));
            turns.Add($"{Together} heads together, {Together} seeds", "epochs", () => InOne(spec, train, validation, i => i));
            await turns.RunAsync();
        }
    }

    private static Task<double> Alone(string spec, FeatureSet train, FeatureSet validation)
    {
        using var head = NewHead(spec, 0);
        TrainingLoop.Run(head, train, validation, ["a", "b"], Options(0), _ => { }, TimeProvider.System, null, CancellationToken.None);
        return Task.FromResult((double)Epochs);
    }

    private static Task<double> InOne(string spec, FeatureSet train, FeatureSet validation, Func<int, int> seedOf)
    {
        StackMember[] members = [.. Enumerable.Range(0, Together).Select(
            i => new StackMember(NewHead(spec, seedOf(i)), Options(seedOf(i)) with { LearningRate = 1e-4 * (i + 1), L2 = 1e-5 * i }))];
        StackTraining.Run(members, train, validation, ["a", "b"], Epochs, TimeProvider.System, CancellationToken.None);
        foreach (var member in members)
            member.Head.Dispose();
        return Task.FromResult((double)Epochs);
    }

    private static TrainingOptions Options(long seed) => new() { Epochs = Epochs, Seed = seed };

    private static Head NewHead(string spec, long seed) =>
        new(HeadPlan.Create(HeadSpec.Parse(spec), new ModelLayer("pooled", new LayerShape(Channels, 1, 1)), 2), seed, CPU);

    private static FeatureSet Features(int rows, ulong seed)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(seed);
        return new FeatureSet(
            rand([rows, Channels], generator: generator).DetachFromDisposeScope(), [.. Enumerable.Range(0, rows).Select(i => i % 2)]);
    }
}
