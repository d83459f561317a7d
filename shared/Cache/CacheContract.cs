using System.Text.Json;
using System.Text.Json.Nodes;
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

    /// <summary>From what the rows with a view above 0 were drawn; null in a part that was written without such rows.</summary>
    public Augmentation? Augmentation { get; init; }

    public required string Precision { get; init; }

    /// <summary>One column each, in column order, shallow first.</summary>
    public required IReadOnlyList<ModelLayer> Layers { get; init; }

    /// <summary>The ONNX Runtime execution provider that computed the part. Recorded, not compared.</summary>
    public required string Provider { get; init; }

    /// <summary>Whether a GPU could round float32 factors to TF32's 10 bits; null for the CPU, which has no such thing. Recorded, not compared.</summary>
    public bool? Tf32 { get; init; }

    /// <summary>The version of Headstart that wrote the part. Recorded, not compared.</summary>
    public required string Tool { get; init; }

    /// <summary>The folder that the rows' paths are relative to, as a whole path on the machine that extracted. Recorded, not compared; null in parts of an earlier version.</summary>
    public string? ImageFolder { get; init; }

    /// <summary>The first field in which features made under the two contracts are not the same features; null when there is none.</summary>
    /// <remarks>Layers that only one of them has are no difference, and neither is an augmentation that only one of them has: a cache can be given both later.</remarks>
    public ContractDifference? FirstDifference(CacheContract other)
    {
        // Another precision is another file too, but says why.
        if (Precision != other.Precision)
            return new ContractDifference("precision", Precision, other.Precision);
        var hasViews = Augmentation is not null && other.Augmentation is not null;
        var shared = Layers.Select(l => l.Name).Intersect(other.Layers.Select(l => l.Name)).ToHashSet(StringComparer.Ordinal);
        var mine = Flatten(this, shared, hasViews);
        var theirs = Flatten(other, shared, hasViews);
        foreach (var field in mine.Keys.Union(theirs.Keys))
        {
            var a = mine.GetValueOrDefault(field, "absent");
            var b = theirs.GetValueOrDefault(field, "absent");
            if (a != b)
                return new ContractDifference(field, a, b);
        }

        return null;
    }

    internal string ToJson() => JsonSerializer.Serialize(this, HeadstartJson.Compact);

    private static Dictionary<string, string> Flatten(CacheContract contract, HashSet<string> layers, bool hasViews)
    {
        var compared = contract with { Provider = "", Tf32 = null, Tool = "", ModelNote = null, ImageFolder = null, Layers = [], Augmentation = hasViews ? contract.Augmentation : null };
        var fields = contract.Layers.Where(l => layers.Contains(l.Name)).ToDictionary(l => $"layers.{l.Name}", l => l.Shape.ToString(), StringComparer.Ordinal);
        Visit(JsonSerializer.SerializeToNode(compared, HeadstartJson.Compact)!.AsObject(), "");
        return fields;

        void Visit(JsonObject node, string prefix)
        {
            foreach (var (name, value) in node)
            {
                if (value is JsonObject inner)
                    Visit(inner, $"{prefix}{name}.");
                else
                    fields[prefix + name] = value?.ToJsonString().Trim('"') ?? "absent";
            }
        }
    }
}

/// <summary>A field of two contracts that differs, with both values as they stand in the JSON.</summary>
public sealed record ContractDifference(string Field, string Left, string Right);
