using System.Buffers;
using System.Text.Json;
using Headstart.Cache.Parquet;
using Headstart.Models;
using Parquet;
using Parquet.Meta;
using Parquet.Schema;

namespace Headstart.Cache;

/// <summary>An opened cache: its contract and its rows in memory, its features on disk until asked for.</summary>
/// <remarks>Immutable after opening; every member may be called from several threads.</remarks>
public sealed class FeatureCache
{
    private FeatureCache(string folder, PartContracts contracts, IReadOnlyList<CacheRow> rows, IReadOnlyList<CacheRowGroup> rowGroups)
    {
        Folder = folder;
        Contract = contracts.Common;
        PartialLayers = contracts.PartialLayers;
        Rows = rows;
        RowGroups = rowGroups;
        Strangers = new CacheFolder(folder).Strangers;
        Completeness = CacheCompleteness.Of(folder, RowsOfParts, [.. Contract.Layers.Select(l => l.Name)]);
    }

    public string Folder { get; }

    /// <summary>What all parts have in common; its layers are those that every part has.</summary>
    public CacheContract Contract { get; }

    /// <summary>Layers that some parts have and others not yet: other shards still have to add them.</summary>
    public IReadOnlyList<ModelLayer> PartialLayers { get; }

    /// <summary>All rows, part by part in the order of the parts' names.</summary>
    public IReadOnlyList<CacheRow> Rows { get; }

    /// <summary>What can be read at a time; together they cover <see cref="Rows"/> in order.</summary>
    public IReadOnlyList<CacheRowGroup> RowGroups { get; }

    /// <summary>Whether every image that the cache was to hold was there when it was opened.</summary>
    public CacheCompleteness Completeness { get; }

    /// <summary>
    /// Rows beyond the first of an image and view. A run that is killed while it moves rows leaves some, and the next one drops them.
    /// </summary>
    public int Doubled => Rows.Count - Rows.Select(r => (r.Path, r.View)).Distinct().Count();

    /// <inheritdoc cref="CacheFolder.Strangers"/>
    public IReadOnlyList<string> Strangers { get; }

    /// <summary>All rows, each with the path of its part.</summary>
    internal IEnumerable<(string Part, CacheRow Row)> RowsOfParts =>
        RowGroups.SelectMany(g => Enumerable.Range(g.FirstRow, g.RowCount).Select(r => (g.PartPath, Rows[r])));

    /// <summary>Whether the folder holds part files, without looking into them.</summary>
    public static bool Exists(string folder) => new CacheFolder(folder).Parts.Count > 0;

    /// <summary>Reads the footers and the small columns of every part.</summary>
    /// <exception cref="CommandException">No cache there, a damaged part, or parts that don't belong together; the message names the
    /// part.</exception>
    public static async Task<FeatureCache> OpenAsync(string folder, CancellationToken cancellationToken)
    {
        if (File.Exists(folder))
            throw new CommandException($"{folder} is a file; a cache is a folder of part files. Pass the folder.");
        if (!Exists(folder))
            throw new CommandException($"No cache in {folder}: it has no parts{Others(folder)}. Make one with 'extractor extract IMAGES " +
                $"--model FILE.onnx --out {folder}'.");

        return await OpenAsync(folder, new CacheFolder(folder).Parts, cancellationToken);
    }

    /// <summary>Opens the parts that one run may change.</summary>
    /// <returns>Null when there are none.</returns>
    /// <exception cref="CommandException">As above.</exception>
    public static Task<FeatureCache?> OpenAsync(CacheFolder folder, CancellationToken cancellationToken) =>
        OpenAsync(folder, [], cancellationToken);

    /// <summary>Opens the parts that one run may change.</summary>
    /// <param name="folder">The run's.</param>
    /// <param name="except">Parts to pass over.</param>
    /// <returns>Null when there are no others.</returns>
    /// <exception cref="CommandException">As above.</exception>
    public static async Task<FeatureCache?> OpenAsync(
        CacheFolder folder, IReadOnlyCollection<string> except, CancellationToken cancellationToken) =>
        folder.Parts.Except(except, StringComparer.Ordinal).ToList() is { Count: > 0 } parts
            ? await OpenAsync(folder.Path, parts, cancellationToken)
            : null;

    /// <summary>The contracts of all parts in a folder, or null when there are none; for a cache that others are writing.</summary>
    /// <exception cref="CommandException">A part is damaged, not Headstart's, or does not belong to the others.</exception>
    public static async Task<PartContracts?> PeekContractsAsync(string folder, CancellationToken cancellationToken)
    {
        PartContracts? contracts = null;
        foreach (var path in new CacheFolder(folder).Parts)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!File.Exists(path))
                continue;
            var reader = await OpenPartAsync(path, cancellationToken);
            await using var _ = reader;
            contracts = PartContracts.Join(contracts, ReadContract(reader, path), path);
        }

        return contracts;
    }

    private static async Task<FeatureCache> OpenAsync(string folder, IReadOnlyList<string> parts, CancellationToken cancellationToken)
    {
        PartContracts? contracts = null;
        var rows = new List<CacheRow>();
        var groups = new List<CacheRowGroup>();
        foreach (var path in parts)
        {
            cancellationToken.ThrowIfCancellationRequested();
            await ReadPartAsync(path);
        }

        return contracts!.Common.Layers.Count > 0
            ? new FeatureCache(folder, contracts, rows, groups)
            : throw new CommandException($"{folder} has no layer that all of its parts have; some have " +
                $"{string.Join(", ", contracts.PartialLayers.Select(l => l.Name))}. " +
                "These are two caches in one folder: move one of them elsewhere.");

        async Task ReadPartAsync(string path)
        {
            var reader = await OpenPartAsync(path, cancellationToken);
            await using var _ = reader;
            var found = ReadContract(reader, path);
            contracts = PartContracts.Join(contracts, found, path);
            for (var i = 0; i < reader.RowGroupCount; i++)
            {
                var first = rows.Count;
                await GuardAsync(path, () => ReadRowsAsync(reader.OpenRowGroupReader(i), new CacheSchema(found), rows, cancellationToken));
                groups.Add(new CacheRowGroup(path, i, first, rows.Count - first));
            }
        }
    }

    /// <summary>Reads one layer of one row group, and checks the whole part against its digest.</summary>
    /// <param name="group">One of <see cref="RowGroups"/>.</param>
    /// <param name="layer">A layer of the contract.</param>
    /// <param name="destination">Exactly RowCount * C * H * W floats, row after row; the caller owns it.</param>
    /// <exception cref="CommandException">The part is damaged, gone, or not what it was when the cache was opened.</exception>
    public async Task ReadAsync(CacheRowGroup group, string layer, Memory<float> destination, CancellationToken cancellationToken)
    {
        var length = Layer(layer).Shape.Length;
        if (destination.Length != group.RowCount * length)
            throw new ArgumentException(
                $"The destination has {destination.Length} floats; {group.RowCount} rows of {length} expected.", nameof(destination));

        await GuardAsync(group.PartPath, async () =>
        {
            using var part = CachePart.ReadWhole(group.PartPath);
            var reader = await ParquetReader.CreateAsync(part.OpenStream(), cancellationToken: cancellationToken);
            await using var _ = reader;
            var rows = reader.OpenRowGroupReader(group.Index);
            var contract = ReadContract(reader, group.PartPath);
            var field = new CacheSchema(contract).Layer(layer);
            var column = rows.GetMetadata(field)?.MetaData;
            if (column is null || rows.RowCount != group.RowCount || column.NumValues != destination.Length)
                throw new InvalidDataException($"{rows.RowCount} rows with {group.RowCount} x {length} values expected");
            if (contract.Grids.TryGetValue(layer, out var grid))
                await ReadBytesAsync(grid, column, part);
            else if (!LayerChunk.TryRead(part.Bytes, column, length, destination.Span))
                await ReadRawAsync(rows, field, length, destination, cancellationToken);

            async Task ReadBytesAsync(ByteGrid grid, ColumnMetaData column, PartContent part)
            {
                if (length % grid.Scales.Count != 0)
                    throw new InvalidDataException($"{length} values can't have {grid.Scales.Count} scales");
                var bytes = ArrayPool<byte>.Shared.Rent(destination.Length);
                try
                {
                    var stored = bytes.AsMemory(0, destination.Length);
                    if (!LayerChunk.TryRead(part.Bytes, column, length, stored.Span))
                        await ReadRawAsync(rows, field, length, stored, cancellationToken);
                    grid.Decode(stored.Span, length, destination.Span);
                }
                finally
                {
                    ArrayPool<byte>.Shared.Return(bytes);
                }
            }
        });
    }

    /// <summary>A layer by name.</summary>
    /// <exception cref="CommandException">The cache has no such layer; the message lists those that it has.</exception>
    public ModelLayer Layer(string name) => Contract.Layers.FirstOrDefault(l => l.Name == name)
        ?? throw new CommandException($"{Folder} has no layer '{name}'. It has: {string.Join(", ", Contract.Layers.Select(l => l.Name))}.");

    /// <summary>Reads a column through Parquet.Net, whatever its encoding.</summary>
    private static async Task ReadRawAsync<T>(
        ParquetRowGroupReader rows, DataField field, int length, Memory<T> destination, CancellationToken cancellationToken)
        where T : struct
    {
        var values = destination.Length;
        var definitionLevels = ArrayPool<int>.Shared.Rent(values);
        var repetitionLevels = ArrayPool<int>.Shared.Rent(values);
        try
        {
            await rows.ReadRawAsync(
                field, destination, definitionLevels.AsMemory(0, values), repetitionLevels.AsMemory(0, values), cancellationToken)
                ;
            for (var first = 0; first < values; first += length)
            {
                if (repetitionLevels[first] != 0 || repetitionLevels.AsSpan(first + 1, length - 1).ContainsAnyExcept(1))
                    throw new InvalidDataException($"row {first / length} has not {length} values");
            }

            if (definitionLevels.AsSpan(0, values).ContainsAnyExcept(LevelRuns.PresentElement))
                throw new InvalidDataException("a feature is null");
        }
        finally
        {
            ArrayPool<int>.Shared.Return(definitionLevels);
            ArrayPool<int>.Shared.Return(repetitionLevels);
        }
    }

    /// <summary>The contract and the rows of one part, without their features.</summary>
    /// <exception cref="CommandException">It can't be read.</exception>
    internal static async Task<(CacheContract Contract, IReadOnlyList<CacheRow> Rows)> ReadRowsAsync(
        Stream part, string path, CancellationToken cancellationToken)
    {
        var rows = new List<CacheRow>();
        CacheContract? contract = null;
        await GuardAsync(path, async () =>
        {
            var reader = await ParquetReader.CreateAsync(part, cancellationToken: cancellationToken);
            await using var _ = reader;
            contract = ReadContract(reader, path);
            var schema = new CacheSchema(contract);
            for (var i = 0; i < reader.RowGroupCount; i++)
                await ReadRowsAsync(reader.OpenRowGroupReader(i), schema, rows, cancellationToken);
        });
        return (contract!, rows);
    }

    private static async Task ReadRowsAsync(
        ParquetRowGroupReader group, CacheSchema schema, List<CacheRow> rows, CancellationToken cancellationToken)
    {
        var count = checked((int)group.RowCount);
        var (paths, labels, splits, digests) = (new string[count], new string[count], new string[count], new string[count]);
        var (widths, heights, views) = (new int[count], new int[count], new int[count]);
        await group.ReadAsync(schema.Path, paths, cancellationToken: cancellationToken);
        await group.ReadAsync(schema.Label, labels, cancellationToken: cancellationToken);
        await group.ReadAsync(schema.Split, splits, cancellationToken: cancellationToken);
        await group.ReadAsync(schema.Sha256, digests, cancellationToken: cancellationToken);
        await group.ReadAsync<int>(schema.Width, widths, cancellationToken: cancellationToken);
        await group.ReadAsync<int>(schema.Height, heights, cancellationToken: cancellationToken);
        await group.ReadAsync<int>(schema.View, views, cancellationToken: cancellationToken);
        for (var i = 0; i < count; i++)
            rows.Add(new CacheRow(paths[i], labels[i], splits[i], digests[i], widths[i], heights[i], views[i]));
    }

    private static CacheContract ReadContract(ParquetReader reader, string path)
    {
        try
        {
            var contract = CacheContract.FromMetadata(reader.CustomMetadata)
                ?? throw new CommandException($"{path} is a Parquet file, but not a part of a Headstart cache. Move it out of the folder.");
            return contract.Schema == CacheContract.CurrentSchema
                ? contract
                : throw new CommandException(
                    $"{path} has cache schema {contract.Schema}; this version of Headstart reads {CacheContract.CurrentSchema}. " +
                    "Extract again with --out NEW, or use the version that made the cache.");
        }
        catch (JsonException e)
        {
            throw Damaged(path, e);
        }
    }

    private static async Task<ParquetReader> OpenPartAsync(string path, CancellationToken cancellationToken)
    {
        ParquetReader? reader = null;
        await GuardAsync(path, async () => reader = await ParquetReader.CreateAsync(path, cancellationToken: cancellationToken))
            ;
        return reader!;
    }

    // Parquet.Net meets damage with whatever exception the bytes lead it to.
    private static async Task GuardAsync(string path, Func<Task> read)
    {
        try
        {
            await read();
        }
        catch (Exception e) when (e is not (CommandException or OperationCanceledException or OutOfMemoryException))
        {
            throw Damaged(path, e);
        }
    }

    /// <summary>What else may be meant by a folder without parts.</summary>
    internal static string Others(string folder) => new CacheFolder(folder).Strangers is { Count: > 0 } others
        ? $" (the names that 'extract' gives are part-00000.parquet and so on; {others[0]} is none)"
        : "";

    private static CommandException Damaged(string path, Exception cause) =>
        new($"{path} can't be read: {cause.Message.TrimEnd('.')}. " +
            (File.Exists(CachePart.DigestPath(path))
                ? "Run 'extractor cache verify', delete the damaged part, and extract again: only its rows are computed."
                : "Extract again: the rows of a part without a digest are computed anew."),
            cause: cause);
}
