using System.Globalization;
using Headstart.CommandLine;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Runs;
using Headstart.Trainer.Training;

namespace Headstart.Trainer.Sweeps;

/// <summary>Chooses the trials of a sweep: a function of the space alone.</summary>
internal static class TrialDraw
{
    private const int MostCombinations = 1_000_000;
    private const int MostMisses = 1000;

    /// <param name="space">What to try.</param>
    /// <param name="basis">What the space leaves alone.</param>
    /// <param name="path">The space file, for messages.</param>
    /// <returns>Where a base is tuned, every head that one is tuned from is a trial too, before the first of those.</returns>
    /// <exception cref="CommandException">Options that don't fit each other, or more trials asked for than there are
    /// combinations.</exception>
    public static IReadOnlyList<Trial> Trials(SweepSpace space, TrialOptions basis, string path)
    {
        var chosen = WithHeads(space, space.Trials is { } count ? Draw(space, count, path) : Grid(space, path));
        return [.. chosen.Select(
            (values, i) => Create(i + 1, space, values, basis with { Train = basis.Train with { Seed = space.Seed } }, path))];
    }

    // The head is trained in any case, so that it costs nothing to let it stand beside what is tuned from it.
    private static List<object?[]> WithHeads(SweepSpace space, IEnumerable<object?[]> chosen)
    {
        var all = chosen.ToList();
        var known = all.Select(Key).ToHashSet(StringComparer.Ordinal);
        var trials = new List<object?[]>();
        foreach (var values in all)
        {
            var head = Meant(space, [.. space.Options.Zip(values, (o, v) => o.Option.Part == SpacePart.Head ? v : null)]);
            if (known.Add(Key(head)))
                trials.Add(head);
            trials.Add(values);
        }

        return trials;
    }

    // Where nothing is tuned, how it would be tuned has no meaning: trials that differ in that alone are one.
    private static object?[] Meant(SweepSpace space, object?[] values)
    {
        if (!IsHeadAlone(space, values))
            return values;
        return [.. space.Options.Zip(
            values, (o, v) => o.Option.Part == SpacePart.Head ? v : o.Option.Name == SpaceOption.Unfreeze ? 0L : null)];
    }

    private static bool IsHeadAlone(SweepSpace space, object?[] values) =>
        !space.Options.Zip(values).Any(o => o.First.Option.Part == SpacePart.Depth && o.Second is not (null or 0L));

    private static string Key(object?[] values) => string.Join('\n', values.Select(CommandText.Value));

    // As nested loops would: the last option changes fastest.
    private static IEnumerable<object?[]> Grid(SweepSpace space, string path)
    {
        var lists = space.Options.Select(o => ((ListedValues)o.Values).Values).ToList();
        var combinations = lists.Aggregate(1.0, (product, l) => product * l.Count);
        if (combinations > MostCombinations)
            throw CommandException.Usage($"{path}: options: a grid of {combinations:0.###e+0} combinations. Draw some of them with " +
                "\"search\": \"random\" and \"trials\".");
        IEnumerable<object?[]> all = [[]];
        foreach (var list in lists)
            all = all.SelectMany(before => list.Select(value => (object?[])[.. before, value]));
        return all.Select(values => Meant(space, values)).DistinctBy(Key, StringComparer.Ordinal);
    }

    private static List<object?[]> Draw(SweepSpace space, int count, string path)
    {
        var drawn = new List<object?[]>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var misses = 0;
        for (var attempt = 0; drawn.Count < count; attempt++)
        {
            // Each option has numbers of its own, so that another option in the file changes none of its values.
            var values = Meant(
                space, [.. space.Options.Select(o => o.Values.Draw(new SeededRandom(space.Seed, $"trial {o.Option.Name}", attempt)))]);
            if (seen.Add(Key(values)))
            {
                drawn.Add(values);
                misses = 0;
            }
            else if (++misses == MostMisses)
            {
                throw CommandException.Usage(
                    $"{path}: trials: {count} were asked for, but only {drawn.Count} different ones could be drawn. " +
                    "Ask for fewer, or try every combination with \"search\": \"grid\".");
            }
        }

        return drawn;
    }

    private static Trial Create(int number, SweepSpace space, object?[] values, TrialOptions basis, string path)
    {
        var chosen = space.Options.Zip(values, (o, v) => (o.Option, Value: v)).ToList();
        var isTuned = !IsHeadAlone(space, values);
        var given = chosen.Where(c => isTuned || c.Option.Part == SpacePart.Head).Aggregate(basis, (o, c) => c.Option.Apply(o, c.Value));
        try
        {
            var options = given.Train.ToOptions();
            HeadSpec.Parse(given.Train.Head);
            if (space.Search == SearchKind.Halving && options.Optimizer == OptimizerChoice.Lbfgs)
                throw CommandException.Usage(
                    "optimizer lbfgs has no epochs that halving could divide. Leave it out, or search by grid or random.");
            if (isTuned)
                RequireTunable(given.Tuning, options);
            return new Trial(number, given.Train, isTuned ? given.Tuning : null, chosen);
        }
        catch (CommandException e)
        {
            throw CommandException.Usage($"{path}: trial {number} ({Describe(chosen)}): {e.Message}");
        }
    }

    private static void RequireTunable(FinetuneRequest tuning, TrainingOptions head)
    {
        try
        {
            tuning.ToOptions(head);
        }
        catch (CommandException e)
        {
            // Its --lr is not the head's.
            throw CommandException.Usage($"finetune {e.Message}");
        }
    }

    /// <summary>
    /// Values as <c>lr=0.001 head='gap, dense(64, relu)'</c>; without those that say how a base is tuned and were left out, or have no
    /// meaning.
    /// </summary>
    public static string Describe(IEnumerable<(SpaceOption Option, object? Value)> chosen) =>
        string.Join(' ', chosen.Where(c => c.Option.Part != SpacePart.Tuning || c.Value is not null).Select(c =>
            string.Create(CultureInfo.InvariantCulture, $"{c.Option.Name}={ShellWord.Quote(CommandText.Value(c.Value))}")));
}
