using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Headstart.Models;
using Headstart.Preprocessing;

namespace Headstart.Cache;

/// <summary>What a part file says about the features in it: which network computed them, from images prepared how.</summary>
/// <remarks>Stored as JSON in the Parquet footer's key-value metadata under <see cref="MetadataKey"/>.</remarks>
public sealed record CacheContract
{
    public const string MetadataKey = "headstart.contract";
    public const int CurrentSchema = 1;

    /// <summary>Where <see cref="Grids"/> stand, a JSON object by layer; only in parts that hold bytes.</summary>
    public const string GridsKey = "headstart.bytes";

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

    /// <summary>
    /// How the layers of an int8 network are stored. The features are the same either way, so only parts of one cache are held to it.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public LayerStorage Storage { get; init; }

    /// <summary>
    /// The layers whose columns hold bytes, and what floats these stand for; the others' columns hold floats. They follow from the model.
    /// </summary>
    [JsonIgnore]
    public IReadOnlyDictionary<string, ByteGrid> Grids { get; init; } = new Dictionary<string, ByteGrid>();

    /// <summary>The ONNX Runtime execution provider that computed the part. Recorded, not compared.</summary>
    public required string Provider { get; init; }

    /// <summary>
    /// Whether a GPU could round float32 factors to TF32's 10 bits; null for the CPU, which has no such thing. Recorded, not compared.
    /// </summary>
    public bool? Tf32 { get; init; }

    /// <summary>The version of Headstart that wrote the part. Recorded, not compared.</summary>
    public required string Tool { get; init; }

    /// <summary>
    /// The folder that the rows' paths are relative to, as a whole path on the machine that extracted. Recorded, not compared; null in
    /// parts of an earlier version.
    /// </summary>
    public string? ImageFolder { get; init; }

    /// <summary>
    /// The first field in which features made under the two contracts are not the same features; null when there is none.
    /// </summary>
    /// <remarks>
    /// Layers that only one of them has are no difference, and neither is an augmentation that only one of them has: a cache can be given
    /// both later.
    /// </remarks>
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

    /// <summary><see cref="FirstDifference"/>, or the storage where that is all that differs: what keeps parts out of one cache.</summary>
    public ContractDifference? FirstDifferenceInOneCache(CacheContract other) =>
        FirstDifference(other) ?? (Storage == other.Storage ? null : new ContractDifference("storage", Name(Storage), Name(other.Storage)));

    /// <summary>What stands in a part's footer.</summary>
    internal Dictionary<string, string> ToMetadata()
    {
        var metadata = new Dictionary<string, string> { [MetadataKey] = JsonSerializer.Serialize(this, HeadstartJson.Compact) };
        var stored = Layers.Where(l => Grids.ContainsKey(l.Name)).ToDictionary(l => l.Name, l => Grids[l.Name]);
        if (stored.Count > 0)
            metadata[GridsKey] = JsonSerializer.Serialize(stored, HeadstartJson.Compact);
        return metadata;
    }

    /// <summary>Reads <see cref="ToMetadata"/>.</summary>
    /// <returns>Null where there is no contract.</returns>
    /// <exception cref="JsonException">Damaged.</exception>
    internal static CacheContract? FromMetadata(IReadOnlyDictionary<string, string> metadata)
    {
        if (!metadata.TryGetValue(MetadataKey, out var json))
            return null;
        var contract = JsonSerializer.Deserialize<CacheContract>(json, HeadstartJson.Compact)!;
        if (contract.Schema > CurrentSchema)
            throw new JsonException($"its contract has schema {contract.Schema}, and this version of Headstart reads {CurrentSchema}: " +
                "use the version that wrote it");
        return metadata.TryGetValue(GridsKey, out var grids)
            ? contract with { Grids = JsonSerializer.Deserialize<Dictionary<string, ByteGrid>>(grids, HeadstartJson.Compact)! }
            : contract;
    }

    private static string Name(LayerStorage storage) => JsonSerializer.SerializeToNode(storage, HeadstartJson.Compact)!.GetValue<string>();

    private static Dictionary<string, string> Flatten(CacheContract contract, HashSet<string> layers, bool hasViews)
    {
        var compared = contract with
        {
            Provider = "",
            Tf32 = null,
            Tool = "",
            ModelNote = null,
            ImageFolder = null,
            Storage = default,
            Layers = [],
            Augmentation = hasViews ? contract.Augmentation : null,
        };
        var fields = contract.Layers.Where(l => layers.Contains(l.Name))
            .ToDictionary(l => $"layers.{l.Name}", l => l.Shape.ToString(), StringComparer.Ordinal);
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
