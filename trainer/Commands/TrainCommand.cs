using Cocona;
using Cocona.Application;
using Headstart.CommandLine;
using Headstart.Trainer.Runs;

namespace Headstart.Trainer.Commands;

/// <summary><c>trainer train</c>: a cache in, a run out.</summary>
public sealed class TrainCommand
{
    /// <summary>The options that were typed.</summary>
    internal IReadOnlySet<string> Given { get; set; } = new HashSet<string>();

    /// <summary>The caches behind the first.</summary>
    internal IReadOnlyList<string> More { get; set; } = [];

    [Command("train", Description = "Train a head on cached features.")]
    [GivenOptions]
    [MoreArguments]
    public async Task RunAsync(TrainArguments commandLine, [FromService] ICoconaAppContextAccessor context)
    {
        var time = TimeProvider.System;
        var start = time.GetTimestamp();
        var request = (commandLine with { More = More.Count > 0 ? [.. More] : null }).ToRequest();
        var control = commandLine.ToControl();
        var output = new RunOutput(request.Out, commandLine.Json);
        if (control.Resume && RunFolder.Finished(request.Out) is { } finished)
        {
            finished.Arguments?.ContinuedAs(request, Given);
            output.TellFinished(finished.Result);
            return;
        }

        var begun = control.Resume ? RunFolder.Unfinished(request.Out) : null;
        if (begun is { Arguments: null })
        {
            throw new CommandException(
                $"{request.Out} holds a run that 'trainer finetune' began. Go on with it by that command, or choose another --out.");
        }

        request = begun?.Arguments.ContinuedAs(request, Given) ?? request;
        var result = await HeadRun.MakeAsync(request, begun, control, output.Words, time, start, context.Current!.CancellationToken);
        output.End(result, request.Epochs, $"the head of epoch {result.SavedEpoch} is");
    }
}
