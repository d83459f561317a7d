using Headstart.Trainer.Heads;
using Headstart.Trainer.Training;

namespace Headstart.Trainer.Sweeps;

/// <summary>Which trainings are made together.</summary>
internal static class RunGroups
{
    /// <summary>Larger heads keep the processor busy alone: then nothing is gained.</summary>
    public const int MostParameters = 32_768;

    private const int MostTogether = 64;

    // Heads with one order of the images share its batches; heads with many each need their own.
    private const int EnoughPerSeed = 4;

    /// <summary>
    /// Groups whose members can be stacked; a group of one is trained alone. A function of the runs, so that a resumed sweep has the same
    /// groups.
    /// </summary>
    /// <param name="runs">Of one split and one form of features.</param>
    /// <param name="planOf">The head of each.</param>
    public static IEnumerable<TrialRun[]> Of(IEnumerable<TrialRun> runs, Func<TrialRun, HeadPlan> planOf)
    {
        var number = 0;
        foreach (var alike in runs.GroupBy(r => Key(planOf(r), r.Arguments.ToOptions()) ?? $"alone {number++}"))
        {
            var bySeed = alike.GroupBy(r => r.Arguments.Seed).ToList();
            var together = alike.Count() >= EnoughPerSeed * bySeed.Count ? bySeed.Select(s => s.ToArray()) : [[.. alike]];
            foreach (var group in together.SelectMany(g => g.Chunk(MostTogether)))
                yield return group;
        }
    }

    private static string? Key(HeadPlan plan, TrainingOptions options) =>
        plan.Parameters <= MostParameters ? StackTraining.Key(plan, options) : null;
}
