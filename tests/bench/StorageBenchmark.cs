using System.Globalization;
using Headstart.Cache;
using Headstart.Cache.Parquet;
using Headstart.Models;
using ParquetSharp;

namespace Headstart.Bench;

/// <summary>
/// What an int8 model's features take as floats and as bytes: disk, writing, reading; and bytes in other Parquet columns, by Arrow's C++
/// library.
/// </summary>
internal sealed class StorageBenchmark : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("headstart-bench-");
    private readonly FeatureCache _source;
    private readonly ModelLayer _layer;
    private readonly ByteGrid _grid;
    private readonly int _rows;
    private readonly float[] _features;
    private readonly byte[] _bytes;
    private readonly float[] _read;
    private readonly double _megabytes;
    private readonly List<(string Name, string Folder)> _lines = [];

    private StorageBenchmark(FeatureCache source, int rows)
    {
        _source = source;
        _layer = source.Contract.Layers[^1];
        _grid = source.Contract.Grids[_layer.Name];
        _rows = rows;
        _features = new float[rows * _layer.Shape.Length];
        _bytes = new byte[_features.Length];
        _read = new float[_features.Length];
        _megabytes = _features.Length * (double)sizeof(float) / 1e6;
    }

    /// <param name="folder">A cache with <c>--store bytes</c>; its first row groups are taken.</param>
    public static async Task RunAsync(string folder, int rounds)
    {
        var source = await FeatureCache.OpenAsync(folder, CancellationToken.None);
        var groups = source.RowGroups.Take(8).ToList();
        using var benchmark = new StorageBenchmark(source, groups.Sum(g => g.RowCount));
        await benchmark.RunAsync(groups, rounds);
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private async Task RunAsync(List<CacheRowGroup> groups, int rounds)
    {
        var length = _layer.Shape.Length;
        foreach (var group in groups)
            await _source.ReadAsync(
                group, _layer.Name, _features.AsMemory(group.FirstRow * length, group.RowCount * length), CancellationToken.None);
        for (var row = 0; row < _rows; row++)
            _grid.TryEncode(_features.AsSpan(row * length, length), _bytes.AsSpan(row * length, length));
        Console.WriteLine($"{_rows} rows of {_layer.Name} ({_layer.Shape}), {_megabytes:N0} MB of floats, " +
            $"{_features.Count(v => v == 0) / (double)_features.Length:P0} zeros");
        var turns = new Turns(rounds);
        AddCache(turns, "floats", _source.Contract with { Storage = LayerStorage.Floats, Grids = new Dictionary<string, ByteGrid>() });
        AddCache(turns, "bytes", _source.Contract);
        AddParquetSharp(turns, "UINT8 plain, by Arrow", isBlob: false);
        AddParquetSharp(turns, "BLOB, by Arrow", isBlob: true);
        var rates = new Queue<double>(await turns.MeasureAsync());
        Console.WriteLine($"| {"",-24} | bytes a row | write MB/s | read MB/s, 1 thread | {Environment.ProcessorCount} threads |");
        Console.WriteLine("|---|---|---|---|---|");
        foreach (var (name, folder) in _lines)
        {
            var size = Directory.EnumerateFiles(folder, "*.parquet").Sum(f => new FileInfo(f).Length) / _rows;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {name,-24} | {size:N0} | {rates.Dequeue():N0} | {rates.Dequeue():N0} | {rates.Dequeue():N0} |"));
        }
    }

    /// <summary>Adds a cache as Headstart writes and reads it, digests included.</summary>
    private void AddCache(Turns turns, string name, CacheContract contract)
    {
        var folder = NewFolder(name);
        var length = _layer.Shape.Length;
        contract = contract with { Layers = [_layer] };
        var builder = new PartBuilder(contract);
        FeatureCache? cache = null;
        turns.Add(name, "MB", async () =>
        {
            for (int row = 0, part = 0; row < _rows; row++)
            {
                builder.Add(_source.Rows[row], [_features.AsMemory(row * length, length)]);
                if (builder.IsFull || row == _rows - 1)
                    await builder.WriteAsync(PartPath(folder, part++), CancellationToken.None);
            }

            return _megabytes;
        });
        foreach (var threads in (int[])[1, Environment.ProcessorCount])
        {
            turns.Add(name, "MB", async () =>
            {
                cache ??= await FeatureCache.OpenAsync(folder, CancellationToken.None);
                await Parallel.ForEachAsync(
                    cache.RowGroups, new ParallelOptions { MaxDegreeOfParallelism = threads }, async (group, stop) =>
                        await cache.ReadAsync(group, _layer.Name, _read.AsMemory(group.FirstRow * length, group.RowCount * length), stop));
                return _read.AsSpan().SequenceEqual(_features)
                    ? _megabytes
                    : throw new InvalidDataException($"{name}: other floats came back");
            });
        }
    }

    /// <summary>Adds a file by ParquetSharp, which wraps Arrow's C++ library; zstd 1, no digest; read as far as bytes.</summary>
    private void AddParquetSharp(Turns turns, string name, bool isBlob)
    {
        var path = PartPath(NewFolder(name), 0);
        var length = _layer.Shape.Length;
        var rowsInGroup = new PartBuilder(_source.Contract with { Layers = [_layer] }).Capacity;
        var groups = Enumerable.Range(0, _rows).Chunk(rowsInGroup).Select(c => (First: c[0], Count: c.Length)).ToArray();
        turns.Add(name, "MB", () =>
        {
            using var properties =
                new WriterPropertiesBuilder().Compression(Compression.Zstd).CompressionLevel(1).DisableDictionary().Build();
            using var schema = Schema(isBlob);
            using var file = new ParquetFileWriter(path, schema, properties);
            foreach (var (first, count) in groups)
            {
                using var group = file.AppendRowGroup();
                using var column = group.NextColumn();
                if (isBlob)
                {
                    using var writer = column.LogicalWriter<byte[]>();
                    writer.WriteBatch([.. Enumerable.Range(first, count).Select(row => _bytes[(row * length)..((row + 1) * length)])]);
                }
                else
                {
                    WriteNumbers((ColumnWriter<int>)column, first, count);
                }
            }

            file.Close();
            return Task.FromResult(_megabytes);
        });
        foreach (var threads in (int[])[1, Environment.ProcessorCount])
        {
            turns.Add(name, "MB", () =>
            {
                Parallel.For(0, groups.Length, new ParallelOptions { MaxDegreeOfParallelism = threads }, index =>
                {
                    using var file = new ParquetFileReader(path);
                    using var group = file.RowGroup(index);
                    using var column = group.Column(0);
                    if (isBlob)
                    {
                        using var reader = column.LogicalReader<byte[]>();
                        reader.ReadAll(groups[index].Count);
                    }
                    else
                    {
                        ReadNumbers((ColumnReader<int>)column, groups[index].Count * length);
                    }
                });
                return Task.FromResult(_megabytes);
            });
        }
    }

    private ParquetSharp.Schema.GroupNode Schema(bool isBlob)
    {
        if (isBlob)
            return new ParquetSharp.Schema.GroupNode("schema", Repetition.Required,
                [new ParquetSharp.Schema.PrimitiveNode(_layer.Name, Repetition.Required, LogicalType.None(), PhysicalType.ByteArray)]);
        var element =
            new ParquetSharp.Schema.PrimitiveNode("element", Repetition.Required, LogicalType.Int(8, isSigned: false), PhysicalType.Int32);
        var repeated = new ParquetSharp.Schema.GroupNode("list", Repetition.Repeated, [element]);
        var list = new ParquetSharp.Schema.GroupNode(_layer.Name, Repetition.Optional, [repeated], LogicalType.List());
        return new ParquetSharp.Schema.GroupNode("schema", Repetition.Required, [list]);
    }

    private void WriteNumbers(ColumnWriter<int> column, int first, int count)
    {
        var length = _layer.Shape.Length;
        var values = new int[count * length];
        var (definitions, repetitions) = (new short[values.Length], new short[values.Length]);
        Array.Fill(definitions, (short)LevelRuns.PresentElement);
        for (var i = 0; i < values.Length; i++)
            (values[i], repetitions[i]) = (_bytes[(first * length) + i], (short)(i % length == 0 ? 0 : 1));
        column.WriteBatch(values.Length, definitions, repetitions, values);
    }

    private static void ReadNumbers(ColumnReader<int> column, int count)
    {
        var values = new int[count];
        var (definitions, repetitions) = (new short[count], new short[count]);
        for (var read = 0; column.HasNext;)
        {
            column.ReadBatch(count - read, definitions.AsSpan(read), repetitions.AsSpan(read), values.AsSpan(read), out var got);
            read += (int)got;
        }
    }

    private string NewFolder(string name)
    {
        var folder = _folder.CreateSubdirectory(_lines.Count.ToString(CultureInfo.InvariantCulture)).FullName;
        _lines.Add((name, folder));
        return folder;
    }

    private static string PartPath(string folder, int number) => Path.Combine(folder, $"part-{number:D5}.parquet");
}
