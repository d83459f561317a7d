namespace Headstart.Trainer.Commands;

/// <summary>The values of <c>--checkpoint-every</c>.</summary>
internal static class CheckpointInterval
{
    private const double Longest = 1e6;

    /// <param name="seconds">As typed.</param>
    /// <exception cref="CommandException">Below 0, no number, or above eleven days.</exception>
    public static void Require(double seconds)
    {
        if (!(seconds is >= 0 and <= Longest))
            throw CommandException.Usage($"--checkpoint-every {seconds}: seconds from 0 (after every epoch) to {Longest:0}.");
    }
}
