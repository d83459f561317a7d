using Headstart.CommandLine;
using Headstart.Trainer.Runs;

namespace Headstart.Trainer.Commands;

/// <summary>What a command that makes a run prints around it.</summary>
/// <param name="Folder">The run's.</param>
/// <param name="AsJson">Whether standard output gets the result as JSON, and words go to standard error.</param>
internal sealed record RunOutput(string Folder, bool AsJson)
{
    public TextWriter Words => AsJson ? Console.Error : Console.Out;

    /// <summary>Tells of a run that was finished before: a job that is started again has nothing to do, which is no failure.</summary>
    public void TellFinished(RunResult result)
    {
        TrainWords.Finished(Words, Folder, result);
        Print(result);
    }

    /// <summary>Prints the result of a run that was just written.</summary>
    /// <param name="epochs">How many it was to have.</param>
    /// <param name="kept">What is kept of it, and the verb: <c>the weights of epoch 3 are</c>.</param>
    /// <exception cref="CommandException">It was interrupted.</exception>
    public void End(RunResult result, int epochs, string kept)
    {
        Print(result);
        if (result.Interrupted)
        {
            throw new CommandException(
                $"Interrupted after epoch {result.Epochs} of {epochs}; {kept} kept in {Folder}. --resume goes on.", ExitCode.Interrupted);
        }
    }

    private void Print(RunResult result)
    {
        if (AsJson)
            JsonOutput.Write(result);
    }
}
