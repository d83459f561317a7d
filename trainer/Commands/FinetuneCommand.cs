using Cocona;
using Cocona.Application;
using Headstart.CommandLine;
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
        var cancellationToken = context.Current!.CancellationToken;
        var time = TimeProvider.System;
        var start = time.GetTimestamp();
        var arguments = commandLine.ToRequest();
        var begun = commandLine.Resume ? RunFolder.Unfinished(arguments.Out) : null;
        if (commandLine.Resume && begun is null && RunFolder.Finished(arguments.Out) is { } finished)
        {
            finished.Tuning?.Arguments.ContinuedAs(arguments, Given);
            TrainWords.Finished(commandLine.Json ? Console.Error : Console.Out, arguments.Out, finished.Result);
            if (commandLine.Json)
                JsonOutput.Write(finished.Result);
            return;
        }

        if (begun is { Tuning: null })
            throw new CommandException($"{arguments.Out} holds a run that 'trainer train' began. Go on with it by that command, or choose another --out.");
        arguments = begun?.Tuning.ContinuedAs(arguments, Given) ?? arguments;
        var output = commandLine.Json ? Console.Error : Console.Out;
        var result = await TuningRun.MakeAsync(arguments, begun, commandLine.ToControl(), output, time, start, cancellationToken);
        if (commandLine.Json)
            JsonOutput.Write(result);
        if (result.Interrupted)
        {
            throw new CommandException(
                $"Interrupted after epoch {result.Epochs} of {arguments.Epochs}; the weights {(result.SavedEpoch == 0 ? "that went in" : $"of epoch {result.SavedEpoch}")} " +
                $"are kept in {arguments.Out}. --resume goes on.",
                ExitCode.Interrupted);
        }
    }
}
