using Headstart.Extraction.Runtime;
using Headstart.Models;

namespace Headstart.Extraction.Pipeline;

/// <summary>What a run of <c>extract</c> did; the fields of its <c>--json</c>.</summary>
internal sealed record ExtractionResult
{
    /// <summary>The images found: computed + reused + duplicates + rejected.</summary>
    public required int Images { get; init; }

    /// <summary>Those of which at least one view went through the network.</summary>
    public required int Computed { get; init; }

    /// <summary>Those whose features were in the cache already, moved ones included.</summary>
    public required int Reused { get; init; }

    /// <summary>Those that have another path, label or split than before, and the same bytes.</summary>
    public required int Moved { get; init; }

    /// <summary>Those with the same bytes as a computed one.</summary>
    public required int Duplicates { get; init; }

    /// <summary>
    /// Images that had rows and have none any more: they are gone, or (then they are among the rejected too) no longer readable.
    /// </summary>
    public required int Removed { get; init; }

    public required int Rejected { get; init; }

    /// <summary>The augmented views of each image, beside the plain one.</summary>
    public required int Views { get; init; }

    /// <summary>The rows that went through the network: the computed images times their views that were not there.</summary>
    public required int ComputedRows { get; init; }

    /// <summary>The list of rejected images, or null when there are none.</summary>
    public required string? RejectedFile { get; init; }

    /// <summary>The whole run, with model loading left out.</summary>
    public required double Seconds { get; init; }

    /// <summary>From the first image to the last, planning left out.</summary>
    public required double ComputeSeconds { get; init; }

    /// <summary>Computed images over <see cref="ComputeSeconds"/>.</summary>
    public required double ImagesPerSecond { get; init; }

    public required StageSeconds StageSeconds { get; init; }

    /// <summary>Layers that rows which were there already got, or null.</summary>
    public required AddedLayers? Added { get; init; }

    public required IReadOnlyDictionary<string, LayerShape> Layers { get; init; }

    public required IReadOnlyList<string> Classes { get; init; }

    public required long PeakMemoryBytes { get; init; }
}

/// <summary>Seconds of work in each stage; decoding and resizing summed over their workers.</summary>
internal sealed record StageSeconds(double Decode, double Resize, double Wait, double Infer, double Write)
{
    public static StageSeconds Of(StageTimes times) =>
        new(times[Stage.Decode], times[Stage.Resize], times[Stage.Wait], times[Stage.Infer], times[Stage.Write]);
}
