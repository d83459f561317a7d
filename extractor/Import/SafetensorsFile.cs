using System.IO.MemoryMappedFiles;
using System.Text.Json;
using Headstart.CommandLine;
using Headstart.Models;

namespace Headstart.Extraction.Import;

/// <summary>One entry of a safetensors header.</summary>
/// <param name="Type">Such as <c>F32</c>.</param>
/// <param name="Shape">Row-major.</param>
/// <param name="Begin">In bytes, from the end of the header.</param>
/// <param name="Length">In bytes.</param>
internal sealed record SafetensorsEntry(string Type, IReadOnlyList<long> Shape, long Begin, long Length);

/// <summary>A safetensors file, mapped into memory: only the pages of tensors that are asked for are ever read.</summary>
/// <remarks>8 bytes of header length (little-endian), a JSON header, then the tensors' bytes.
/// https://github.com/huggingface/safetensors#format. Not thread-safe.</remarks>
internal sealed class SafetensorsFile : IDisposable
{
    // The format's own limit. Real headers have a few kilobytes.
    private const long MaximumHeader = 100_000_000;

    private readonly string _path;
    private readonly MemoryMappedFile _map;
    private readonly long _dataStart;

    private SafetensorsFile(string path, MemoryMappedFile map, long dataStart, IReadOnlyDictionary<string, SafetensorsEntry> tensors)
    {
        _path = path;
        _map = map;
        _dataStart = dataStart;
        Tensors = tensors;
    }

    public IReadOnlyDictionary<string, SafetensorsEntry> Tensors { get; }

    /// <exception cref="CommandException">The header is not one, or promises bytes that are not there, or the same bytes twice.</exception>
    public static SafetensorsFile Open(string path)
    {
        var length = new FileInfo(path).Length;
        if (length < 10)
            throw Damaged(path, $"it has {length} bytes");
        var map = MemoryMappedFile.CreateFromFile(path, FileMode.Open, mapName: null, capacity: 0, MemoryMappedFileAccess.Read);
        try
        {
            var headerLength = BitConverter.ToUInt64(Read(map, 0, 8));
            if (headerLength > MaximumHeader || (long)headerLength > length - 8)
                throw Damaged(path, $"its header claims {headerLength:N0} bytes, and the file has {length:N0}");
            var dataStart = 8 + (long)headerLength;
            var tensors = ParseHeader(path, Read(map, 8, (int)headerLength), length - dataStart);
            return new SafetensorsFile(path, map, dataStart, tensors);
        }
        catch
        {
            map.Dispose();
            throw;
        }
    }

    /// <summary>The values of one tensor, row-major, as float32.</summary>
    /// <exception cref="CommandException">Not a floating-point tensor.</exception>
    public float[] ReadFloats(string name)
    {
        var entry = Tensors[name];
        if (entry.Type is not ("F16" or "BF16" or "F32" or "F64"))
            throw new CommandException($"{_path}: '{name}' holds {entry.Type} values; F16, BF16, F32 or F64 weights are expected.");
        var bytes = Read(_map, _dataStart + entry.Begin, checked((int)entry.Length));
        return entry.Type switch
        {
            "F16" => FloatValues.FromFloat16(bytes),
            "BF16" => FloatValues.FromBFloat16(bytes),
            "F32" => FloatValues.FromFloat32(bytes),
            _ => FloatValues.FromFloat64(bytes),
        };
    }

    public void Dispose() => _map.Dispose();

    /// <summary>Reads and checks a header, wherever it came from.</summary>
    /// <param name="path">A file or an address, for messages.</param>
    /// <param name="header">The JSON, without the 8 bytes that give its length.</param>
    /// <param name="dataLength">How many bytes follow the header.</param>
    /// <exception cref="CommandException">Not a header, or one that promises bytes that are not there, or the same bytes twice.</exception>
    public static IReadOnlyDictionary<string, SafetensorsEntry> ParseHeader(string path, byte[] header, long dataLength)
    {
        var tensors = new Dictionary<string, SafetensorsEntry>(StringComparer.Ordinal);
        try
        {
            using var json = JsonDocument.Parse(header);
            foreach (var property in json.RootElement.EnumerateObject().Where(p => p.Name != "__metadata__"))
            {
                var offsets = property.Value.GetProperty("data_offsets");
                var entry = new SafetensorsEntry(
                    property.Value.GetProperty("dtype").GetString() ?? "",
                    [.. property.Value.GetProperty("shape").EnumerateArray().Select(d => d.GetInt64())],
                    offsets[0].GetInt64(),
                    offsets[1].GetInt64() - offsets[0].GetInt64());
                Check(path, property.Name, entry, dataLength);
                if (!tensors.TryAdd(property.Name, entry))
                    throw Damaged(path, $"'{property.Name}' is there twice");
            }
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or IndexOutOfRangeException)
        {
            throw Damaged(path, $"its header can't be read ({e.Message})");
        }

        var inOrder = tensors.Where(t => t.Value.Length > 0).OrderBy(t => t.Value.Begin).ToArray();
        for (var i = 1; i < inOrder.Length; i++)
        {
            if (inOrder[i].Value.Begin < inOrder[i - 1].Value.Begin + inOrder[i - 1].Value.Length)
                throw Damaged(path, $"'{inOrder[i - 1].Key}' and '{inOrder[i].Key}' overlap");
        }

        return tensors;
    }

    private static void Check(string path, string name, SafetensorsEntry entry, long dataLength)
    {
        if (entry.Begin < 0 || entry.Length < 0 || entry.Begin > dataLength || entry.Length > dataLength - entry.Begin)
        {
            throw Damaged(path, $"'{name}' should lie at bytes {entry.Begin:N0} to {(Int128)entry.Begin + entry.Length:N0} of the data, " +
                $"of which the file has {dataLength:N0}");
        }

        int? size = entry.Type switch
        {
            "F64" or "I64" or "U64" => 8,
            "F32" or "I32" or "U32" => 4,
            "F16" or "BF16" or "I16" or "U16" => 2,
            "I8" or "U8" or "BOOL" => 1,
            _ => null, // A type of which this version knows nothing; it can only be read over.
        };
        var expected = entry.Shape.Aggregate(size ?? 0.0, (bytes, dim) => bytes * dim);
        if (size is not null && (entry.Shape.Any(d => d < 0) || expected != entry.Length))
            throw Damaged(path, $"'{name}' has {entry.Length:N0} bytes, but {entry.Type} [{string.Join(", ", entry.Shape)}] needs {expected:N0}");
    }

    private static byte[] Read(MemoryMappedFile map, long offset, int length)
    {
        var bytes = new byte[length];
        using var view = map.CreateViewStream(offset, length, MemoryMappedFileAccess.Read);
        view.ReadExactly(bytes);
        return bytes;
    }

    private static CommandException Damaged(string path, string what) =>
        new($"{path} is not a whole safetensors file: {what}. Fetch or export it again.");
}
