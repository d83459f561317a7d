using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Headstart.Cache;
using Headstart.Models;
using Headstart.Preprocessing;
using Headstart.Trainer.Features;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Training;
using static TorchSharp.torch;

namespace Headstart.Bench;

/// <summary>An epoch of the reference head on a cache of block5_pool features that is larger than the memory it may use.</summary>
internal static partial class StreamingBenchmark
{
    private const int Length = 25088;
    private const int BlockOfRows = 64;
    private const int RowsBeside = 8000;
    private static readonly ModelLayer Layer = new("block5_pool", new LayerShape(512, 7, 7));
    private static readonly string[] Classes = ["cats", "dogs"];

    /// <summary>
    /// Writes such a cache: nine values in ten are 0, as in block5_pool of photographs; one class after the other, as a folder is
    /// extracted.
    /// </summary>
    public static async Task WriteAsync(string folder, int rows)
    {
        if (FeatureCache.Exists(folder))
            return;
        Directory.CreateDirectory(folder);
        var contract = new CacheContract
        {
            Model = "noise",
            ModelSha256 = new string('a', 64),
            Preprocessing = Presets.Keras,
            Precision = "float32",
            Layers = [Layer],
            Provider = "cpu",
            Tool = "bench",
        };
        var writer = new CacheWriter(new CacheFolder(folder), contract, TimeProvider.System);
        using var generator = new Generator(1);
        for (var first = 0; first < rows; first += BlockOfRows)
        {
            using var scope = NewDisposeScope();
            var label = first < rows / 2 ? 0 : 1;
            var count = Math.Min(BlockOfRows, rows - first);

            // The classes differ in how bright a few channels are, so that there is something to learn.
            var values = rand([count, Length], generator: generator).sub_(0.9f).clamp_(min: 0).mul_(100);
            values.narrow(1, label * 490, 490).mul_(1.5f);
            var features = new float[count][];
            for (var i = 0; i < count; i++)
                features[i] = values[i].data<float>().ToArray();
            for (var i = 0; i < count; i++)
            {
                var number = first + i;
                var row = new CacheRow($"{Classes[label]}/{number:D6}.jpg", Classes[label], null, $"{number:x64}", 224, 224, 0);
                await writer.AddAsync(row, [features[i]]);
            }
        }

        await writer.FlushAsync();
    }

    /// <param name="rows">Of the cache.</param>
    /// <param name="size">What the process may take, such as 2G.</param>
    /// <param name="folder">Where the cache is, or is to be; kept. Its disk gets the features that are kept for the next epoch.</param>
    /// <param name="epochs">How many.</param>
    /// <param name="beside">Another such cache of 8,000 rows, which fits into memory: a process of its own trains on it after every epoch,
    /// so that both see the machine as busy.</param>
    public static async Task RunAsync(int rows, string size, string folder, int epochs, string? beside = null)
    {
        if (beside is not null)
            await WriteAsync(beside, RowsBeside);
        await WriteAsync(folder, rows);
        var limit = MemorySize.Parse(size);
        var options = new TrainingOptions { Epochs = epochs };
        var data = await TrainingData.OpenAsync(folder, null, null, 0.2, 0, CancellationToken.None);
        var headPlan = HeadPlan.Create(HeadSpec.Parse(HeadSpec.Reference), data.Layer, 2);
        var plan = MemoryPlan.Of(limit, null, data, headPlan, options.Batch, null);
        var megabytes = data.Joined.Rows.Count * (double)Length * sizeof(float) / 1e6;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{HeadSpec.Reference}, output(1); {data.Split.Train.Count:N0} + {data.Split.Validation.Count:N0} images, {megabytes:N0} MB " +
            $"of floats within {size}, {get_num_threads()} threads"));
        Console.WriteLine(plan.BlockRows is { } blockRows
            ? $"streamed in blocks of {blockRows:N0} images, validation {(plan.HoldsValidation ? "in memory" : "streamed")}"
            : "in memory");
        using var head = new Head(headPlan, 0, CPU);
        using var features = await TrainingFeatures.OpenAsync(data, plan, head, folder, new Progress<int>(), CancellationToken.None);
        TrainingLoop.Run(
            head, features.Train, features.Validation, data.Classes, options, Report, TimeProvider.System, null, CancellationToken.None);

        void Report(EpochRecord epoch)
        {
            using var process = Process.GetCurrentProcess();
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"epoch {epoch.Epoch}: {features.Train.Count / epoch.Seconds,8:N0} images/s (validation included), {epoch.Seconds:0.0} " +
                $"s, val loss {epoch.Val.Loss:0.0000}, peak memory {process.PeakWorkingSet64 / (1 << 20):N0} MiB"));
            if (beside is null)
                return;
            var rate = InMemory(size, beside);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"         {rate,8:N0} images/s in memory just now; from disk {features.Train.Count / epoch.Seconds / rate:0.00} of it"));
        }
    }

    // The first epoch warms up.
    private static double InMemory(string size, string folder)
    {
        using var child = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, ["streaming", $"{RowsBeside}", size, folder, "4"])
        {
            RedirectStandardOutput = true,
        })!;
        var rates = EpochRate().Matches(child.StandardOutput.ReadToEnd());
        return Turns.Median(rates.Skip(1).Select(m => double.Parse(m.Groups[1].Value, NumberStyles.Number, CultureInfo.InvariantCulture)));
    }

    [GeneratedRegex(@"^epoch \d+: +([\d,]+) images/s", RegexOptions.Multiline)]
    private static partial Regex EpochRate();
}
