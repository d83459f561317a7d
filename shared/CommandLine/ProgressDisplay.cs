using System.Globalization;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Headstart.CommandLine;

/// <summary>Shows how far a job is, on standard error: a bar on a terminal, otherwise a line now and then.</summary>
public static class ProgressDisplay
{
    private static readonly TimeSpan LineInterval = TimeSpan.FromSeconds(10);

    /// <summary>Runs a job under a progress display.</summary>
    /// <param name="title">What is being done, such as <c>extracting</c>.</param>
    /// <param name="unit">What is counted, such as <c>images</c>.</param>
    /// <param name="job">Given a function that takes the total, once it is known, and returns where to report finished units.</param>
    public static async Task<T> RunAsync<T>(string title, string unit, TimeProvider time, Func<Func<int, IProgress<int>>, Task<T>> job)
    {
        if (Console.IsErrorRedirected)
            return await job(total => new LineProgress(title, unit, total, time));

        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        return await console.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new CountColumn(unit), new RemainingTimeColumn())
            .StartAsync(context => job(total => new BarProgress(context.AddTask(title, maxValue: Math.Max(total, 1)))))
            ;
    }

    private sealed class BarProgress(ProgressTask task) : IProgress<int>
    {
        public void Report(int value) => task.Increment(value);
    }

    private sealed class CountColumn(string unit) : ProgressColumn
    {
        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) =>
            new Text(string.Create(CultureInfo.InvariantCulture, $"{task.Value:N0}/{task.MaxValue:N0} {unit} {task.Speed ?? 0:N1}/s"));
    }

    private sealed class LineProgress(string title, string unit, int total, TimeProvider time) : IProgress<int>
    {
        private readonly long _start = time.GetTimestamp();
        private long _lastLine = time.GetTimestamp();
        private int _done;

        public void Report(int value)
        {
            _done += value;
            if (time.GetElapsedTime(_lastLine) < LineInterval)
                return;
            _lastLine = time.GetTimestamp();
            var rate = _done / time.GetElapsedTime(_start).TotalSeconds;
            var left = TimeSpan.FromSeconds(Math.Ceiling((total - _done) / rate));
            Console.Error.WriteLine($"{title} {_done:N0}/{total:N0} {unit}, {rate:N1}/s, {left:g} left");
        }
    }
}
