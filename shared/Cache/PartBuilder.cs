using System.Diagnostics.CodeAnalysis;
using System.IO.Compression;
using Headstart.Cache.Parquet;
using Parquet;
using Parquet.Meta;
using Parquet.Schema;

namespace Headstart.Cache;

/// <summary>Collects rows and writes them as one part file with one row group.</summary>
/// <remarks>Not thread-safe. Its memory is taken once and reused for part after part.</remarks>
[SuppressMessage(
    "Design", "CA1001:Types that own disposable fields should be disposable", Justification = "A MemoryStream holds nothing but memory.")]
public sealed class PartBuilder
{
    /// <summary>The raw features that a part holds at most.</summary>
    /// <remarks>Larger parts read no faster: see docs/BENCHMARKS.md.</remarks>
    public const long MaximumBytes = 32 << 20;

    // Small parts are written faster and in less memory, but parts of a few rows would make thousands of files.
    private const long EnoughBytes = 8 << 20;
    private const long EnoughRows = 16;

    private readonly CacheContract _contract;
    private readonly CompressionMethod _compression;
    private readonly bool _splitBytes;
    private readonly CacheSchema _schema;
    private readonly List<CacheRow> _rows;
    private readonly LayerColumn[] _layers;
    private readonly MemoryStream _content = new();

    public PartBuilder(CacheContract contract)
        : this(contract, DefaultCapacity(contract))
    {
    }

    /// <param name="contract">Goes into the footer; its layers are the columns.</param>
    /// <param name="capacity">The number of rows that fit.</param>
    /// <param name="compression">Of all columns. Parquet.Net writes those that are not the default's: they are there to be measured beside
    /// it, and to test that they can be read.</param>
    /// <param name="splitBytes">Whether the features' bytes are stored apart: all first bytes, all second bytes, and so on.</param>
    internal PartBuilder(
        CacheContract contract, int capacity, CompressionMethod compression = CompressionMethod.Zstd, bool splitBytes = false)
    {
        _contract = contract;
        _compression = compression;
        _splitBytes = splitBytes;
        _schema = new CacheSchema(contract);
        Capacity = capacity;
        _rows = new List<CacheRow>(Capacity);
        _layers = [.. contract.Layers.Select(l => new LayerColumn(l, contract.Grids.GetValueOrDefault(l.Name), Capacity))];
    }

    /// <summary>The number of rows that fit.</summary>
    public int Capacity { get; }

    public int Count => _rows.Count;

    public bool IsFull => Count == Capacity;

    /// <summary>Adds one row.</summary>
    /// <param name="row">Everything but the features.</param>
    /// <param name="layers">One memory per layer of the contract, in its order, each C x H x W floats; copied.</param>
    /// <exception cref="CommandException">Floats that are not those of the contract's grid.</exception>
    public void Add(CacheRow row, IReadOnlyList<ReadOnlyMemory<float>> layers)
    {
        if (IsFull)
            throw new InvalidOperationException($"The part is full ({Capacity} rows).");
        for (var i = 0; i < _layers.Length; i++)
            _layers[i].Set(Count, layers[i].Span, row.Path);
        _rows.Add(row);
    }

    /// <summary>Writes the collected rows and forgets them.</summary>
    /// <param name="path">The part's final name; it appears only when the content is whole.</param>
    /// <param name="cancellationToken">Stops before the part gets its name.</param>
    /// <exception cref="CommandException">The part can't be written; the rows are still here.</exception>
    public async Task WriteAsync(string path, CancellationToken cancellationToken)
    {
        var content = _content;
        content.SetLength(0);
        if (_compression == CompressionMethod.Zstd && !_splitBytes)
            await EncodeAsync(content, cancellationToken);
        else
            await EncodeByParquetNetAsync(content, cancellationToken);

        cancellationToken.ThrowIfCancellationRequested();
        CachePart.Write(path, content.GetBuffer().AsMemory(0, (int)content.Length));
        _rows.Clear();
    }

    /// <summary>The small columns as Parquet.Net writes them, the layers after them, and a footer of both.</summary>
    private async Task EncodeAsync(MemoryStream content, CancellationToken cancellationToken)
    {
        using var small = new MemoryStream();
        await WriteSmallColumnsAsync(small, _schema.SmallColumns, _ => Task.CompletedTask, cancellationToken);
        var bytes = small.GetBuffer().AsMemory(0, (int)small.Length);
        content.Write(bytes.Span[..^PartFooter.Length(bytes.Span)]);

        using var zstd = LayerPages.CreateCompressor();
        var columns = new List<ColumnMetaData>();
        foreach (var layer in _layers)
            columns.Add(layer.WritePages(content, Count, zstd));

        var reader = await ParquetReader.CreateAsync(new MemoryStream(bytes.ToArray()), cancellationToken: cancellationToken);
        await using var _ = reader;
        PartFooter.AddLayers(reader.Metadata!, _contract.Layers, columns);
        PartFooter.Write(content, reader.Metadata!);
    }

    private Task EncodeByParquetNetAsync(MemoryStream content, CancellationToken cancellationToken) =>
        WriteSmallColumnsAsync(
            content,
            _schema.Parquet,
            async group =>
            {
                foreach (var layer in _layers)
                    await layer.WriteAsync(group, _schema, Count, cancellationToken);
            },
            cancellationToken);

    private async Task WriteSmallColumnsAsync(
        Stream file, ParquetSchema schema, Func<ParquetRowGroupWriter, Task> writeOthers, CancellationToken cancellationToken)
    {
        var writer = await ParquetWriter.CreateAsync(schema, file, Options(), cancellationToken: cancellationToken);
        await using var _ = writer;
        writer.CustomMetadata = _contract.ToMetadata();
        using var group = writer.CreateRowGroup();
        await group.WriteAsync(_schema.Path, Column(r => r.Path));
        await group.WriteAsync(_schema.Label, Column(r => r.Label!));
        await group.WriteAsync(_schema.Split, Column(r => r.Split!));
        await group.WriteAsync(_schema.Sha256, Column(r => r.Sha256));
        await group.WriteAsync<int>(_schema.Width, Column(r => r.Width), cancellationToken: cancellationToken);
        await group.WriteAsync<int>(_schema.Height, Column(r => r.Height), cancellationToken: cancellationToken);
        await group.WriteAsync<int>(_schema.View, Column(r => r.View), cancellationToken: cancellationToken);
        await writeOthers(group);
    }

    private ParquetOptions Options()
    {
        // The library's default level compresses 2 MB/s.
        var options = new ParquetOptions
        {
            CompressionMethod = _compression,
            CompressionLevel = CompressionLevel.Fastest,
            DictionaryEncodingThreshold = 0,
        };
        if (_splitBytes)
        {
            foreach (var (name, _) in _contract.Layers)
                options.ColumnEncodingHints[_schema.Layer(name).Path.ToString()] = EncodingHint.ByteSplitStream;
        }

        return options;
    }

    // Of floats, whatever the storage: so both kinds of a cache have the same parts, and whoever reads one part needs the same memory.
    private static int DefaultCapacity(CacheContract contract)
    {
        var rowBytes = contract.Layers.Sum(l => (long)l.Shape.Length) * sizeof(float);
        return (int)Math.Clamp(Math.Min(MaximumBytes / rowBytes, Math.Max(EnoughBytes / rowBytes, EnoughRows)), 1, 8192);
    }

    private T[] Column<T>(Func<CacheRow, T> value) => [.. _rows.Select(value)];
}
