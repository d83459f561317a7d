using System.Globalization;
using System.Runtime.InteropServices;
using Headstart.Cache;
using Headstart.Cache.Parquet;
using Headstart.Models;
using Headstart.Preprocessing;
using K4os.Compression.LZ4;
using Parquet;
using ParquetSharp;
using Snappier;

namespace Headstart.Bench;

/// <summary>
/// Which encoding a cache is best written in: size, writing and reading, beside the codecs alone, Parquet.Net's own reader, and
/// ParquetSharp.
/// </summary>
internal sealed class EncodingBenchmark : IDisposable
{
    private const int RowsInPart = 334; // 32 MiB
    private const int Parts = 4;
    private const int PartLength = RowsInPart * BlockFeatures.Length;
    private const double Megabytes = (double)Parts * PartLength * sizeof(float) / 1e6;

    private static readonly CacheContract Contract = new()
    {
        Model = "vgg16",
        ModelSha256 = new string('0', 64),
        Preprocessing = Presets.Keras,
        Precision = "float32",
        Layers = [new ModelLayer("block5_pool", new LayerShape(BlockFeatures.Channels, BlockFeatures.Side, BlockFeatures.Side))],
        Provider = "cpu",
        Tool = "bench",
    };

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("headstart-bench-");
    private readonly float[] _features;
    private readonly float[] _read = new float[Parts * PartLength];
    private readonly List<(string Name, Func<long> Size, bool Writes)> _rows = [];
    private readonly Turns _turns;

    private EncodingBenchmark(string? source, int rounds)
    {
        _features = BlockFeatures.MakeRows(BlockFeatures.Load(source), Parts * RowsInPart, seed: 1);
        _turns = new Turns(rounds);
    }

    /// <param name="source">As <see cref="BlockFeatures.Load"/> takes it.</param>
    public static async Task RunAsync(string? source, int rounds)
    {
        using var benchmark = new EncodingBenchmark(source, rounds);
        await benchmark.RunAsync();
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private async Task RunAsync()
    {
        Console.WriteLine($"{Parts * RowsInPart} rows of block5_pool, {Megabytes:N0} MB of floats, " +
            $"{_features.Count(v => v == 0) / (double)_features.Length:P0} zeros");
        AddCodecs();
        var chosen = AddCache("cache, zstd fastest (chosen)", 32);
        AddCache("cache, zstd fastest, parts of 8 MiB", 8);
        AddCache("cache, zstd fastest, parts of 64 MiB", 64);
        AddCache("cache, zstd fastest, bytes split", 32, splitBytes: true);
        AddCache("cache, LZ4_RAW fastest", 32, CompressionMethod.Lz4Raw);
        AddCache("cache, Snappy", 32, CompressionMethod.Snappy);
        AddCache("cache, not compressed", 32, CompressionMethod.None);
        AddParquetNet(chosen);
        AddParquetSharp(chosen);

        var rates = new Queue<double>(await _turns.MeasureAsync());
        Console.WriteLine(
            $"| {"",-38} | {"size",6} | {"write MB/s",10} | {"read MB/s, 1 thread",19} | {$"{Environment.ProcessorCount} threads",9} |");
        Console.WriteLine("|---|---|---|---|---|");
        foreach (var (name, size, writes) in _rows)
        {
            var write = writes ? rates.Dequeue().ToString("N0", CultureInfo.InvariantCulture) : "-";
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {name,-38} | {100 * size() / (Megabytes * 1e6),5:N1}% | {write,10} | {rates.Dequeue(),19:N0} | " +
                $"{rates.Dequeue(),9:N0} |"));
        }
    }

    /// <summary>Adds a line of the table; the work takes a part's number.</summary>
    private void Add(string name, Func<long> size, Func<int, Task>? write, Func<int, Task> read)
    {
        _rows.Add((name, size, write is not null));
        if (write is not null)
            _turns.Add(name, "MB", () => EachPart(1, write));
        _turns.Add(name, "MB", () => EachPart(1, read));
        _turns.Add(name, "MB", () => EachPart(Environment.ProcessorCount, read));

        static async Task<double> EachPart(int threads, Func<int, Task> work)
        {
            await Parallel.ForAsync(
                0, Parts, new ParallelOptions { MaxDegreeOfParallelism = threads }, async (part, _) => await work(part));
            return Megabytes;
        }
    }

    private Memory<float> Destination(int part) => _read.AsMemory(part * PartLength, PartLength);

    private ReadOnlyMemory<float> Source(int part) => _features.AsMemory(part * PartLength, PartLength);

    private void AddCodecs()
    {
        foreach (var level in (int[])[-3, -1, 1, 3])
        {
            AddCodec(
                $"zstd {level} alone",
                (from, to) =>
                {
                    using var zstd = new ZstdSharp.Compressor(level);
                    return zstd.Wrap(from, to);
                },
                (from, to) =>
                {
                    using var zstd = new ZstdSharp.Decompressor();
                    zstd.Unwrap(from, to);
                });
        }

        AddCodec("LZ4 alone", (from, to) => LZ4Codec.Encode(from, to), (from, to) => LZ4Codec.Decode(from, to));
        AddCodec("Snappy alone", (from, to) => Snappy.Compress(from, to), (from, to) => Snappy.Decompress(from, to));
        AddCodec("copying alone", Copy, (from, to) => Copy(from, to));

        static int Copy(ReadOnlySpan<byte> from, Span<byte> to)
        {
            from.CopyTo(to);
            return from.Length;
        }
    }

    private delegate int Transform(ReadOnlySpan<byte> from, Span<byte> to);

    private delegate void Restore(ReadOnlySpan<byte> from, Span<byte> to);

    private void AddCodec(string name, Transform compress, Restore decompress)
    {
        var compressed = Enumerable.Range(0, Parts).Select(_ => new byte[PartLength * sizeof(float) * 5 / 4]).ToArray();
        var sizes = new int[Parts];
        Add(
            name,
            () => sizes.Sum(),
            part =>
            {
                sizes[part] = compress(MemoryMarshal.AsBytes(Source(part).Span), compressed[part]);
                return Task.CompletedTask;
            },
            part =>
            {
                decompress(compressed[part].AsSpan(0, sizes[part]), MemoryMarshal.AsBytes(Destination(part).Span));
                return Task.CompletedTask;
            });
    }

    private string AddCache(string name, int mebibytes, CompressionMethod compression = CompressionMethod.Zstd, bool splitBytes = false)
    {
        var folder = NewFolder();
        var capacity = (int)((long)mebibytes * (1 << 20) / (BlockFeatures.Length * sizeof(float)));
        var builder = new PartBuilder(Contract, capacity, compression, splitBytes);
        FeatureCache? cache = null;
        _rows.Add((name, () => Size(folder), true));
        _turns.Add(name, "MB", async () =>
        {
            for (var row = 0; row < Parts * RowsInPart; row++)
            {
                builder.Add(new CacheRow($"{row}.jpg", "cat", null, "", 224, 224, 0),
                    [_features.AsMemory(row * BlockFeatures.Length, BlockFeatures.Length)]);
                if (builder.IsFull || row == Parts * RowsInPart - 1)
                    await builder.WriteAsync(PartPath(folder, row / capacity), CancellationToken.None);
            }

            return Megabytes;
        });
        _turns.Add(name, "MB", () => ReadAsync(1));
        _turns.Add(name, "MB", () => ReadAsync(Environment.ProcessorCount));
        return folder;

        async Task<double> ReadAsync(int threads)
        {
            cache ??= await FeatureCache.OpenAsync(folder, CancellationToken.None);
            await Parallel.ForEachAsync(cache.RowGroups, new ParallelOptions { MaxDegreeOfParallelism = threads }, async (group, stop) =>
            {
                var destination = _read.AsMemory(group.FirstRow * BlockFeatures.Length, group.RowCount * BlockFeatures.Length);
                await cache.ReadAsync(group, Contract.Layers[0].Name, destination, stop);
            });
            return Megabytes;
        }
    }

    /// <summary>Parquet.Net's own reading of the chosen cache, in memory that is there already, without the digests.</summary>
    private void AddParquetNet(string folder)
    {
        var field = new CacheSchema(Contract).Layer(Contract.Layers[0].Name);
        var levels = Enumerable.Range(0, Parts).Select(_ => (Definitions: new int[PartLength], Repetitions: new int[PartLength])).ToArray();
        Add("the chosen by Parquet.Net alone", () => Size(folder), null, async part =>
        {
            await using var reader = await Parquet.ParquetReader.CreateAsync(PartPath(folder, part));
            await reader.OpenRowGroupReader(0).ReadRawAsync(
                field, Destination(part), levels[part].Definitions.AsMemory(), levels[part].Repetitions.AsMemory());
        });
    }

    /// <summary>
    /// ParquetSharp, which wraps Arrow's C++ library: its reading of the chosen cache and of its own file, without digests.
    /// </summary>
    private void AddParquetSharp(string chosen)
    {
        var levels =
            Enumerable.Range(0, Parts).Select(_ => (Definitions: new short[PartLength], Repetitions: new short[PartLength])).ToArray();
        Add("the chosen by ParquetSharp", () => Size(chosen), null, part => ReadAsync(chosen, part));
        var folder = NewFolder();
        Add("ParquetSharp's own, zstd 1", () => Size(folder), WriteAsync, part => ReadAsync(folder, part));

        Task WriteAsync(int part)
        {
            var element = new ParquetSharp.Schema.PrimitiveNode("element", Repetition.Required, LogicalType.None(), PhysicalType.Float);
            using var repeated = new ParquetSharp.Schema.GroupNode("list", Repetition.Repeated, [element]);
            using var list =
                new ParquetSharp.Schema.GroupNode(Contract.Layers[0].Name, Repetition.Optional, [repeated], LogicalType.List());
            using var schema = new ParquetSharp.Schema.GroupNode("schema", Repetition.Required, [list]);
            using var builder = new WriterPropertiesBuilder();
            using var properties =
                builder.Compression(Compression.Zstd).CompressionLevel(1).DisableDictionary().Encoding(ParquetSharp.Encoding.Plain).Build();
            using var file = new ParquetFileWriter(PartPath(folder, part), schema, properties);
            using var group = file.AppendRowGroup();
            using var column = (ColumnWriter<float>)group.NextColumn();
            var (definitions, repetitions) = levels[part];
            Array.Fill(definitions, (short)LevelRuns.PresentElement);
            for (var i = 0; i < PartLength; i++)
                repetitions[i] = (short)(i % BlockFeatures.Length == 0 ? 0 : 1);
            column.WriteBatch(PartLength, definitions, repetitions, Source(part).Span);
            file.Close();
            return Task.CompletedTask;
        }

        Task ReadAsync(string from, int part)
        {
            using var file = new ParquetFileReader(PartPath(from, part));
            using var group = file.RowGroup(0);
            using var column = (ColumnReader<float>)group.Column(file.FileMetaData.NumColumns - 1);
            var (definitions, repetitions) = levels[part];
            for (var read = 0; column.HasNext;)
            {
                column.ReadBatch(
                    PartLength - read, definitions.AsSpan(read), repetitions.AsSpan(read), Destination(part).Span[read..], out var values);
                read += (int)values;
            }

            return Task.CompletedTask;
        }
    }

    private string NewFolder() => _folder.CreateSubdirectory(_rows.Count.ToString(CultureInfo.InvariantCulture)).FullName;

    private static string PartPath(string folder, int number) => Path.Combine(folder, $"part-{number:D5}.parquet");

    private static long Size(string folder) => Directory.EnumerateFiles(folder, "*.parquet").Sum(f => new FileInfo(f).Length);
}
