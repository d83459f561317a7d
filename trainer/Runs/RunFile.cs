using System.Runtime.InteropServices;
using Headstart.Cache;
using Headstart.Models;
using Headstart.Training.Commands;
using Headstart.Training.Evaluation;

namespace Headstart.Training.Runs;

/// <summary>What <c>run.json</c> says: everything that the run came from, and what came of it.</summary>
internal sealed record RunFile
{
    public const int CurrentSchema = 1;

    public int Schema { get; init; } = CurrentSchema;

    /// <summary>The command that repeats it, as it would be typed.</summary>
    public required string Command { get; init; }

    /// <summary>The same, option by option, with all defaults; null for runs that another command made.</summary>
    public TrainArguments? Arguments { get; init; }

    public required DateTimeOffset Started { get; init; }

    public required RunVersions Versions { get; init; }

    public required RunCache Cache { get; init; }

    /// <summary>The cache that validated, where it was another one.</summary>
    public RunCache? ValidationCache { get; init; }

    public required RunSplit Split { get; init; }

    /// <summary>What the head reads.</summary>
    public required ModelLayer Layer { get; init; }

    /// <summary>In the head language, without the output layer.</summary>
    public required string Head { get; init; }

    /// <summary>In order; for two, the one logit is above 0 for the second.</summary>
    public required IReadOnlyList<string> Classes { get; init; }

    public required TrainingOptions Options { get; init; }

    /// <summary>Where it computed: <c>cpu</c> or <c>cuda</c>.</summary>
    public required string Device { get; init; }

    public required RunResult Result { get; init; }
}

/// <summary>The versions that computed a run.</summary>
internal sealed record RunVersions(string Headstart, string TorchSharp, string Dotnet, string System)
{
    /// <summary>Those of this process.</summary>
    public static RunVersions Current { get; } = new(
        ToolVersion.Text, typeof(TorchSharp.torch).Assembly.GetName().Version!.ToString(3), RuntimeInformation.FrameworkDescription, RuntimeInformation.OSDescription);
}

/// <summary>A cache that a run read.</summary>
/// <param name="Folder">Its whole path on the machine that trained.</param>
/// <param name="Rows">All its rows, used or not.</param>
/// <param name="Contract">Which network made the features, from images prepared how.</param>
internal sealed record RunCache(string Folder, int Rows, CacheContract Contract);

/// <summary>How many rows trained and validated, and how they were told apart.</summary>
internal sealed record RunSplit(string How, int Train, int Val, double ValSplit);

/// <summary>What came of a run. Also what <c>--json</c> prints: its names are a contract.</summary>
internal sealed record RunResult
{
    public required IReadOnlyList<string> Classes { get; init; }

    /// <summary>How many were finished.</summary>
    public required int Epochs { get; init; }

    /// <summary>The one with the lowest validation loss, from 1.</summary>
    public required int BestEpoch { get; init; }

    /// <summary>The one whose weights are saved, from 1.</summary>
    public required int SavedEpoch { get; init; }

    /// <summary>The running mean over the saved epoch, as Keras shows it.</summary>
    public required Figures Train { get; init; }

    /// <summary>Of the saved weights.</summary>
    public required Figures Val { get; init; }

    /// <summary>Opening the caches and reading features.</summary>
    public required double LoadSeconds { get; init; }

    /// <summary>The whole command, loading included, until the weights are to be written. Of the last one, where the run was resumed.</summary>
    public required double Seconds { get; init; }

    /// <summary>Median, validation included.</summary>
    public required double SecondsPerEpoch { get; init; }

    /// <summary>Training rows by <see cref="SecondsPerEpoch"/>.</summary>
    public required double RowsPerSecond { get; init; }

    public required long Parameters { get; init; }

    public required long TrainableParameters { get; init; }

    public required long PeakMemoryBytes { get; init; }

    /// <summary>Whether it was ended before its last epoch by Ctrl-C or a signal.</summary>
    public bool Interrupted { get; init; }

    /// <summary>How many epochs came from a checkpoint; left out where the run was made in one go.</summary>
    public int? ResumedAfter { get; init; }

    /// <summary>How the exact solution was reached; left out for optimizers that make single steps.</summary>
    public Convergence? Solution { get; init; }

    /// <summary>What every reader of the figures must know, from the model that made the features.</summary>
    public string? Note { get; init; }
}
