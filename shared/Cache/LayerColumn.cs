using Headstart.Cache.Parquet;
using Headstart.Models;
using Parquet;
using Parquet.Meta;
using ZstdSharp;

namespace Headstart.Cache;

/// <summary>A layer's values of the rows that a part collects: floats, or the bytes that these were.</summary>
/// <param name="layer">Names the column, and gives the values in a row.</param>
/// <param name="grid">Null for a column of floats.</param>
/// <param name="capacity">The number of rows that fit.</param>
internal sealed class LayerColumn(ModelLayer layer, ByteGrid? grid, int capacity)
{
    private readonly float[] _floats = new float[grid is null ? checked(layer.Shape.Length * capacity) : 0];
    private readonly byte[] _bytes = new byte[grid is null ? 0 : checked(layer.Shape.Length * capacity)];

    /// <summary>Takes one row's values.</summary>
    /// <param name="path">The row's image, for messages.</param>
    public void Set(int row, ReadOnlySpan<float> values, string path)
    {
        var length = layer.Shape.Length;
        if (values.Length != length)
            throw new ArgumentException($"Layer {layer.Name} has {values.Length} values; {length} expected.", nameof(values));
        if (grid is null)
            values.CopyTo(_floats.AsSpan(row * length));
        else if (!grid.TryEncode(values, _bytes.AsSpan(row * length, length)))
            throw new CommandException($"{path} has a value in {layer.Name} that is no byte of the model's. Extract into a new folder " +
                "with --store floats, and report this.");
    }

    /// <summary>Appends the column's pages.</summary>
    /// <returns>What the footer is to say about the column.</returns>
    public ColumnMetaData WritePages(Stream part, int rows, Compressor zstd)
    {
        var values = rows * layer.Shape.Length;
        return grid is null
            ? LayerPages.Write(part, layer, _floats.AsSpan(0, values), zstd)
            : LayerPages.Write(part, layer, _bytes.AsSpan(0, values), zstd);
    }

    /// <summary>Lets Parquet.Net write the column.</summary>
    public Task WriteAsync(ParquetRowGroupWriter group, CacheSchema schema, int rows, CancellationToken cancellationToken)
    {
        var length = layer.Shape.Length;
        var values = rows * length;

        // 0 begins a row's list, 1 continues it.
        var repetitionLevels = new int[values];
        Array.Fill(repetitionLevels, 1);
        for (var first = 0; first < values; first += length)
            repetitionLevels[first] = 0;
        var definitionLevels = new int[values];
        Array.Fill(definitionLevels, LevelRuns.PresentElement);
        var field = schema.Layer(layer.Name);
        return grid is null
            ? group.WriteAllPartsAsync<float>(field, _floats.AsMemory(0, values), definitionLevels, repetitionLevels, cancellationToken)
            : group.WriteAllPartsAsync<byte>(field, _bytes.AsMemory(0, values), definitionLevels, repetitionLevels, cancellationToken);
    }
}
