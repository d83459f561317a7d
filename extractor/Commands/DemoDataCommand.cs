using System.Diagnostics;
using Cocona;
using Cocona.Application;
using Headstart.CommandLine;
using Headstart.Extraction.Demo;

namespace Headstart.Extraction.Commands;

/// <summary><c>extractor demo-data</c></summary>
internal sealed class DemoDataCommand([FromService] ICoconaAppContextAccessor context)
{
    [Command("demo-data", Description = "Draw a small set of pictures to try everything with.")]
    public void Run(
        [Argument(Name = "DIR", Description = "Where to: a new or empty folder, which gets train/CLASS/ and val/CLASS/.")] string dir,
        [Option(Description = "How many classes, at most 16: disc, spiral, star, stripes, ...")] int classes = 2,
        [Option("per-class", Description = "Pictures of each class; a quarter of them goes to val/.")] int perClass = 200,
        [Option(Description = "Leave out so many classes at the list's beginning: other classes than those of another set.")] int skip = 0,
        [Option(Description = "The same seed draws the same pictures.")] int seed = 0,
        [Option(Description = "Print one JSON object instead of text.")] bool json = false)
    {
        var options = new DemoSetOptions { Classes = classes, Skip = skip, PerClass = perClass, Seed = seed };
        options.Validate();
        var clock = Stopwatch.StartNew();
        var drawn = DemoSet.Write(dir, options, Environment.ProcessorCount, context.Current!.CancellationToken);

        var names = DemoClass.All.Skip(skip).Take(classes).Select(c => c.Name).ToArray();
        var val = classes * options.ValidationPerClass;
        var summary = new
        {
            folder = dir,
            classes = names,
            seed,
            images = classes * perClass,
            train = classes * perClass - val,
            val,
            drawn,
            reused = classes * perClass - drawn,
            seconds = clock.Elapsed.TotalSeconds,
        };
        if (json)
        {
            JsonOutput.Write(summary);
            return;
        }

        Console.WriteLine($"{summary.images:N0} pictures in {dir}: {summary.train:N0} to train on, {val:N0} to validate; classes " +
            $"{string.Join(", ", names)}; seed {seed}.");
        Console.WriteLine(drawn == summary.images
            ? $"Drawn in {summary.seconds:F1} s."
            : $"{drawn:N0} drawn, {summary.reused:N0} were there already.");
    }
}
