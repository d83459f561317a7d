using Parquet.Schema;

namespace Headstart.Cache;

/// <summary>The columns of a part file, in file order. docs/CACHE-FORMAT.md describes them for readers in other languages.</summary>
internal sealed class CacheSchema
{
    private readonly Dictionary<string, DataField> _layers;

    public CacheSchema(CacheContract contract)
    {
        var lists = contract.Layers.Select(l => new ListField(l.Name, Element(contract.Grids.ContainsKey(l.Name)))).ToList();
        Parquet = new ParquetSchema([Path, Label, Split, Sha256, Width, Height, View, .. lists]);
        SmallColumns = new ParquetSchema([Path, Label, Split, Sha256, Width, Height, View]);
        _layers = lists.ToDictionary(l => l.Name, l => (DataField)l.Item);
    }

    public ParquetSchema Parquet { get; }

    /// <summary>All columns but the layers'.</summary>
    public ParquetSchema SmallColumns { get; }

    public DataField Path { get; } = new DataField<string>("path", false);

    public DataField Label { get; } = new DataField<string>("label", true);

    public DataField Split { get; } = new DataField<string>("split", true);

    public DataField Sha256 { get; } = new DataField<string>("sha256", false);

    public DataField Width { get; } = new DataField<int>("width", false);

    public DataField Height { get; } = new DataField<int>("height", false);

    public DataField View { get; } = new DataField<int>("view", false);

    /// <summary>The elements of a layer's column: floats, or unsigned bytes.</summary>
    public DataField Layer(string name) => _layers[name];

    private static DataField Element(bool isByte) =>
        isByte ? new DataField<byte>("element", false) : new DataField<float>("element", false);
}
