using System.Globalization;
using Headstart.CommandLine;
using Headstart.Training.Commands;
using Headstart.Training.Heads;

namespace Headstart.Training.Sweeps;

/// <summary>Chooses the trials of a sweep: a function of the space alone.</summary>
internal static class TrialDraw
{
    private const int MostCombinations = 1_000_000;
    private const int MostMisses = 1000;

    /// <param name="space">What to try.</param>
    /// <param name="basis">What the space leaves alone.</param>
    /// <param name="path">The space file, for messages.</param>
    /// <exception cref="CommandException">Options that don't fit each other, or more trials asked for than there are combinations.</exception>
    public static IReadOnlyList<Trial> Trials(SweepSpace space, TrainArguments basis, string path)
    {
        var chosen = space.Trials is { } count ? Draw(space, count, path) : Grid(space, path);
        return [.. chosen.Select((values, i) => Create(i + 1, space, values, basis with { Seed = space.Seed }, path))];
    }

    // As nested loops would: the last option changes fastest.
    private static IEnumerable<object?[]> Grid(SweepSpace space, string path)
    {
        var lists = space.Options.Select(o => ((ListedValues)o.Values).Values).ToList();
        var combinations = lists.Aggregate(1.0, (product, l) => product * l.Count);
        if (combinations > MostCombinations)
            throw CommandException.Usage($"{path}: options: a grid of {combinations:0.###e+0} combinations. Draw some of them with \"search\": \"random\" and \"trials\".");
        IEnumerable<object?[]> all = [[]];
        foreach (var list in lists)
            all = all.SelectMany(before => list.Select(value => (object?[])[.. before, value]));
        return all;
    }

    private static List<object?[]> Draw(SweepSpace space, int count, string path)
    {
        var drawn = new List<object?[]>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var misses = 0;
        for (var attempt = 0; drawn.Count < count; attempt++)
        {
            // Each option has numbers of its own, so that another option in the file changes none of its values.
            var values = space.Options.Select(o => o.Values.Draw(new SeededRandom(space.Seed, $"trial {o.Option.Name}", attempt))).ToArray();
            if (seen.Add(string.Join('\n', values.Select(CommandText.Value))))
            {
                drawn.Add(values);
                misses = 0;
            }
            else if (++misses == MostMisses)
            {
                throw CommandException.Usage($"{path}: trials: {count} were asked for, but only {drawn.Count} different ones could be drawn. " +
                    "Ask for fewer, or try every combination with \"search\": \"grid\".");
            }
        }

        return drawn;
    }

    private static Trial Create(int number, SweepSpace space, object?[] values, TrainArguments basis, string path)
    {
        var chosen = space.Options.Zip(values, (o, v) => (o.Option, Value: v)).ToList();
        var arguments = chosen.Aggregate(basis, (a, c) => c.Option.Apply(a, c.Value));
        try
        {
            var options = arguments.ToOptions();
            HeadSpec.Parse(arguments.Head);
            if (space.Search == SearchKind.Halving && options.Optimizer == OptimizerChoice.Lbfgs)
                throw CommandException.Usage("optimizer lbfgs has no epochs that halving could divide. Leave it out, or search by grid or random.");
            return new Trial(number, arguments, chosen);
        }
        catch (CommandException e)
        {
            throw CommandException.Usage($"{path}: trial {number} ({Describe(chosen)}): {e.Message}");
        }
    }

    /// <summary>Values as <c>lr=0.001 head='gap, dense(64, relu)'</c>.</summary>
    public static string Describe(IEnumerable<(SpaceOption Option, object? Value)> chosen) => string.Join(' ', chosen.Select(c =>
        string.Create(CultureInfo.InvariantCulture, $"{c.Option.Name}={CommandText.Quote(CommandText.Value(c.Value))}")));
}
