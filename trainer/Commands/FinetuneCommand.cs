using Cocona;
using Cocona.Application;
using Headstart.Trainer.Runs;

namespace Headstart.Trainer.Commands;

/// <summary><c>trainer finetune</c>: a run and its base in, a run with a tuned base out.</summary>
public sealed class FinetuneCommand
{
    /// <summary>The options that were typed.</summary>
    internal IReadOnlySet<string> Given { get; set; } = new HashSet<string>();

    [Command("finetune", Description = "Tune the base's last blocks together with a trained head.")]
    [GivenOptions]
    public async Task RunAsync(FinetuneArguments commandLine, [FromService] ICoconaAppContextAccessor context)
    {
        var time = TimeProvider.System;
        var start = time.GetTimestamp();
        var request = commandLine.ToRequest();
        var control = commandLine.ToControl();
        var output = new RunOutput(request.Out, commandLine.Json);
        if (control.Resume && RunFolder.Finished(request.Out) is { } finished)
        {
            finished.Tuning?.Arguments.ContinuedAs(request, Given);
            output.TellFinished(finished.Result);
            return;
        }

        var begun = control.Resume ? RunFolder.Unfinished(request.Out) : null;
        if (begun is { Tuning: null })
        {
            throw new CommandException(
                $"{request.Out} holds a run that 'trainer train' began. Go on with it by that command, or choose another --out.");
        }

        request = begun?.Tuning.ContinuedAs(request, Given) ?? request;
        var result = await TuningRun.MakeAsync(request, begun, control, output.Words, time, start, context.Current!.CancellationToken);
        output.End(
            result, request.Epochs, $"the weights {(result.SavedEpoch == 0 ? "that went in" : $"of epoch {result.SavedEpoch}")} are");
    }
}
