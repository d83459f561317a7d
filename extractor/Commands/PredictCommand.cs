using Cocona;
using Cocona.Application;
using Headstart.CommandLine;
using Headstart.Extraction.Prediction;
using Headstart.Images;
using Headstart.Models;

namespace Headstart.Extraction.Commands;

internal sealed class PredictCommand
{
    [Command("predict", Description = "Ask an exported model what is in pictures.")]
    public async Task<int> PredictAsync(PredictOptions options, [FromService] ICoconaAppContextAccessor context)
    {
        options.Validate();
        var model = ModelFile.Load(options.Model);
        var run = new PredictionRun(model, options.Device, options.Batch, options.ThreadCount) { Say = Console.Error.WriteLine };
        var images = ImageSet.Open(options.Images);
        var decision = model.Contract.Prediction!;
        var tally = new PredictionTally(decision.Classes);
        using var writer = new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = true };
        var output = PredictionOutput.Create(options.Format, writer, decision);
        var time = TimeProvider.System;
        var start = time.GetTimestamp();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.Current!.CancellationToken);
        var readerIsGone = false;
        try
        {
            output.Begin();
            await ProgressDisplay.RunAsync("predicting", "images", time, async begin =>
            {
                var progress = begin(images.Items.Count);
                await run.RunAsync(images, image => Report(image, progress), stop.Token);
                return true;
            });
        }
        catch (OperationCanceledException) when (readerIsGone)
        {
            // 'extractor predict ... | head' has what it wanted.
            return ExitCode.Done;
        }

        tally.Write(Console.Error, time.GetElapsedTime(start).TotalSeconds);
        return CheckRejected(tally, options);

        void Report(PredictedImage image, IProgress<int> progress)
        {
            if (StandardOutput.ReaderIsGone())
            {
                readerIsGone = true;
                stop.Cancel();
                stop.Token.ThrowIfCancellationRequested();
            }

            tally.Add(image);
            output.Write(image);
            progress.Report(1);
        }
    }

    private static int CheckRejected(PredictionTally tally, PredictOptions options)
    {
        var percent = 100.0 * tally.Rejected.Count / tally.Images;
        if (percent <= options.MaxRejected)
            return ExitCode.Done;
        throw new CommandException($"{tally.Rejected.Count:N0} of {tally.Images:N0} images can't be used ({percent:0.#}%, --max-rejected " +
            $"is {options.MaxRejected}). " +
            "The reasons are above; the other predictions were written.");
    }
}
