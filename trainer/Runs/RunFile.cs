using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;
using Headstart.Cache;
using Headstart.Models;
using Headstart.Trainer.Evaluation;
using Headstart.Trainer.Training;

namespace Headstart.Trainer.Runs;

/// <summary>What <c>run.json</c> says: everything that the run came from, and what came of it.</summary>
internal sealed record RunFile
{
    public const int CurrentSchema = 1;

    public int Schema { get; init; } = CurrentSchema;

    /// <summary>The command that repeats it, as it would be typed.</summary>
    public required string Command { get; init; }

    /// <summary>The same, option by option, with all defaults; null for runs that another command made.</summary>
    public TrainRequest? Arguments { get; init; }

    public required DateTimeOffset Started { get; init; }

    public required RunVersions Versions { get; init; }

    /// <summary>The cache that trained; of several the first.</summary>
    public required RunCache Cache { get; init; }

    /// <summary>The other caches that trained.</summary>
    public IReadOnlyList<RunCache>? MoreCaches { get; init; }

    /// <summary>The cache that validated, where it was another one.</summary>
    public RunCache? ValidationCache { get; init; }

    public required RunSplit Split { get; init; }

    /// <summary>What the split was drawn with, where it was drawn.</summary>
    [JsonIgnore]
    public long SplitSeed => Split.Seed ?? Options.Seed;

    /// <summary>What the head reads.</summary>
    public required ModelLayer Layer { get; init; }

    /// <summary>In the head language, without the output layer.</summary>
    public required string Head { get; init; }

    /// <summary>In order; for two, the one logit is above 0 for the second.</summary>
    public required IReadOnlyList<string> Classes { get; init; }

    public required TrainingOptions Options { get; init; }

    /// <summary>How the head's logits become probabilities and a decision; null in runs of an earlier version.</summary>
    public Calibration? Calibration { get; init; }

    /// <summary>Where it computed: <c>cpu</c> or <c>cuda</c>.</summary>
    public required string Device { get; init; }

    /// <summary>How the base was tuned; null where a head alone was trained.</summary>
    public RunTuning? Tuning { get; init; }

    public required RunResult Result { get; init; }
}

/// <summary>The versions that computed a run.</summary>
internal sealed record RunVersions(string Headstart, string TorchSharp, string Dotnet, string System)
{
    /// <summary>Those of this process.</summary>
    public static RunVersions Current { get; } = new(
        ToolVersion.Text, typeof(TorchSharp.torch).Assembly.GetName().Version!.ToString(3), RuntimeInformation.FrameworkDescription,
        RuntimeInformation.OSDescription);
}

/// <summary>A cache that a run read.</summary>
/// <param name="Folder">Its whole path on the machine that trained.</param>
/// <param name="Rows">All its rows, used or not.</param>
/// <param name="Contract">Which network made the features, from images prepared how.</param>
/// <param name="Images">Says which plain images these are, wherever the cache lies: see <see cref="ImagesOf"/>.</param>
internal sealed record RunCache(string Folder, int Rows, CacheContract Contract, string Images)
{
    public static RunCache Of(FeatureCache cache) => new(Path.GetFullPath(cache.Folder), cache.Rows.Count, cache.Contract, ImagesOf(cache));

    /// <summary>
    /// A digest of the plain images' paths, labels, splits and bytes; neither layers, views nor the division into parts change it.
    /// </summary>
    public static string ImagesOf(FeatureCache cache) => DigestOf(cache.Rows);

    /// <summary>As above, of any rows.</summary>
    public static string DigestOf(IReadOnlyList<CacheRow> rows)
    {
        using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

        // An image counts once, also where a killed run left its row in two parts.
        var images = rows.Where(r => r.View == 0).DistinctBy(r => (r.Path, r.Label, r.Split, r.Sha256));
        foreach (var row in images.OrderBy(r => r.Path, StringComparer.Ordinal).ThenBy(r => r.Sha256, StringComparer.Ordinal))
            digest.AppendData(Encoding.UTF8.GetBytes($"{row.Path}\0{row.Label}\0{row.Split}\0{row.Sha256}\n"));
        return Convert.ToHexStringLower(digest.GetHashAndReset());
    }
}

/// <summary>How many rows trained and validated, and how they were told apart.</summary>
/// <param name="Seed">Of the draw, where it is not the run's: a run that goes on from another keeps that one's split. Left out
/// otherwise.</param>
internal sealed record RunSplit(string How, int Train, int Val, double ValSplit, long? Seed = null);
