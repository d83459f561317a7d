using Headstart.Models;
using Headstart.Preprocessing;

namespace Headstart.Cache;

/// <summary>What a part file says about the features in it: which network computed them, from images prepared how.</summary>
/// <remarks>Stored as JSON in the Parquet footer's key-value metadata under <see cref="MetadataKey"/>.</remarks>
public sealed record CacheContract
{
    public const string MetadataKey = "headstart.contract";
    public const int CurrentSchema = 1;

    public int Schema { get; init; } = CurrentSchema;

    public required string Model { get; init; }

    /// <summary>SHA-256 of the whole model file, lower-case hex.</summary>
    public required string ModelSha256 { get; init; }

    /// <summary>Carried over from <see cref="WeightsSource.Note"/>, so that a head's figures can be shown with it.</summary>
    public string? ModelNote { get; init; }

    public required ImagePreprocessing Preprocessing { get; init; }

    public required string Precision { get; init; }

    /// <summary>One column each, in column order.</summary>
    public required IReadOnlyList<ModelLayer> Layers { get; init; }

    /// <summary>The ONNX Runtime execution provider that computed the part. Recorded, not compared.</summary>
    public required string Provider { get; init; }

    /// <summary>The version of Headstart that wrote the part. Recorded, not compared.</summary>
    public required string Tool { get; init; }
}
