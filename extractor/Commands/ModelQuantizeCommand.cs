using Cocona;
using Cocona.Application;
using Headstart.CommandLine;
using Headstart.Extraction.Quantization;
using Headstart.Images;
using Headstart.Models;

namespace Headstart.Extraction.Commands;

internal sealed class ModelQuantizeCommand
{
    [Command("quantize", Description = "Make an int8 copy of a model, several times as fast on a CPU, and measure what that costs.")]
    public async Task QuantizeAsync(QuantizeOptions options, [FromService] ICoconaAppContextAccessor context)
    {
        var resolved = options.Resolve();
        var model = ModelFile.Load(options.File);
        var images = ImageSet.Open(options.Calibrate);
        var cancellationToken = context.Current!.CancellationToken;
        var quantized = await ProgressDisplay.RunAsync(
            "quantising", "images", TimeProvider.System,
            progress => Task.Run(() => ModelQuantization.Run(model, images, resolved, progress, cancellationToken), cancellationToken));
        ModelFile.Save(quantized.Proto, quantized.Contract, options.Out);
        var speed = SpeedComparison.Measure(
            model, quantized.Plan.Model, quantized.Proto, model.Contract.FixedBatch ?? resolved.Batch, resolved.Threads);
        var report = QuantizeReport.Of(model, ModelFile.Load(options.Out), quantized, speed);
        if (options.Json)
        {
            JsonOutput.Write(report);
            return;
        }

        report.Write(Console.Out);
        Console.Out.WriteLine($"Next: extractor extract IMAGES --model {ShellWord.Quote(options.Out)} --out cache-int8");
    }
}
