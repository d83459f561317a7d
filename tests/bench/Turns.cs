using System.Diagnostics;
using System.Globalization;

namespace Headstart.Bench;

/// <summary>Times several things in turns (A B C A B C ...), so that a busy machine slows all of them alike.</summary>
internal sealed class Turns(int rounds)
{
    private readonly List<(string Name, string Unit, Func<Task<double>> Work, List<double> Rates)> _things = [];

    /// <summary>Adds a thing to time.</summary>
    /// <param name="unit">What it gets through, such as <c>images</c>.</param>
    /// <param name="work">Does it once; returns how many units.</param>
    public void Add(string name, string unit, Func<Task<double>> work) => _things.Add((name, unit, work, []));

    /// <summary>Runs all in turns, after one round to warm up.</summary>
    /// <returns>The median rate of each, in the order in which they were added.</returns>
    public async Task<IReadOnlyList<double>> MeasureAsync()
    {
        for (var round = -1; round < rounds; round++)
        {
            foreach (var thing in _things)
            {
                var start = Stopwatch.GetTimestamp();
                var units = await thing.Work();
                if (round >= 0)
                    thing.Rates.Add(units / Stopwatch.GetElapsedTime(start).TotalSeconds);
            }
        }

        return [.. _things.Select(t => Median(t.Rates))];
    }

    /// <summary>
    /// Runs all as <see cref="MeasureAsync"/> does, and prints each median rate, and the median and quartiles of its ratio to the first.
    /// </summary>
    /// <returns>The rates of each thing, round by round.</returns>
    public async Task<IReadOnlyList<IReadOnlyList<double>>> RunAsync()
    {
        await MeasureAsync();
        foreach (var (name, unit, _, rates) in _things)
        {
            var ratios = rates.Zip(_things[0].Rates, (a, b) => a / b).ToList();
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{name,-44} {Median(rates),10:N1} {unit}/s   {Median(ratios),6:0.000} of the first ({Quantile(ratios, 0.25):0.000} to " +
                $"{Quantile(ratios, 0.75):0.000})"));
        }

        return [.. _things.Select(t => t.Rates)];
    }

    public static double Median(IEnumerable<double> values) => Quantile(values, 0.5);

    // Between two values on a straight line.
    private static double Quantile(IEnumerable<double> values, double fraction)
    {
        var sorted = values.Order().ToArray();
        var (below, above) = ((int)(fraction * (sorted.Length - 1)), (int)Math.Ceiling(fraction * (sorted.Length - 1)));
        return sorted[below] + (((fraction * (sorted.Length - 1)) - below) * (sorted[above] - sorted[below]));
    }
}
