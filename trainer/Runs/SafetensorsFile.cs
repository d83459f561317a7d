using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using Headstart.CommandLine;
using Headstart.Training.Heads;

namespace Headstart.Training.Runs;

/// <summary>Reads and writes the float32 tensors of a head, or of a checkpoint, as safetensors, which every deep-learning library opens.</summary>
/// <remarks>
/// The format: 8 bytes, the header's length, little-endian; the header, JSON, name to dtype, shape and byte range; then the values.
/// https://github.com/huggingface/safetensors
/// </remarks>
internal static class SafetensorsFile
{
    private const int LengthBytes = sizeof(ulong);
    private const int MaxHeaderBytes = 16 << 20;
    private const string MetadataKey = "__metadata__";

    /// <summary>Writes the file whole or not at all; an existing one is replaced only when the new one is complete.</summary>
    /// <exception cref="CommandException">The target can't be written.</exception>
    public static void Write(string path, IReadOnlyList<NamedTensor> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        var header = new Dictionary<string, object>();
        if (metadata.Count > 0)
            header.Add(MetadataKey, metadata);
        long offset = 0;
        foreach (var tensor in tensors)
        {
            var bytes = (long)tensor.Values.Length * sizeof(float);
            header.Add(tensor.Name, new Entry("F32", tensor.Shape, [offset, offset + bytes]));
            offset += bytes;
        }

        var json = JsonSerializer.SerializeToUtf8Bytes(header, EntryNames);
        var padded = (json.Length + 7) / 8 * 8; // values start at a multiple of 8; the padding is spaces
        AtomicFile.Write(path, stream =>
        {
            Span<byte> length = stackalloc byte[LengthBytes];
            BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)padded);
            stream.Write(length);
            stream.Write(json);
            for (var i = json.Length; i < padded; i++)
                stream.WriteByte((byte)' ');
            foreach (var tensor in tensors)
                stream.Write(MemoryMarshal.AsBytes(tensor.Values.AsSpan()));
        });
    }

    /// <summary>Reads every tensor of a file.</summary>
    /// <exception cref="CommandException">No such file, not safetensors, cut short, or a type other than F32.</exception>
    public static IReadOnlyDictionary<string, NamedTensor> Read(string path) => Read(path, out _);

    /// <summary>Reads every tensor of a file, and the metadata that was written with them.</summary>
    /// <exception cref="CommandException">No such file, not safetensors, cut short, or a type other than F32.</exception>
    public static IReadOnlyDictionary<string, NamedTensor> Read(string path, out IReadOnlyDictionary<string, string> metadata)
    {
        try
        {
            using var file = File.OpenRead(path);
            if (file.Length < LengthBytes)
                throw Damaged(path, $"it has {file.Length} bytes");
            Span<byte> length = stackalloc byte[LengthBytes];
            file.ReadExactly(length);
            var headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(length);
            if (headerBytes > MaxHeaderBytes || headerBytes > (ulong)(file.Length - LengthBytes))
                throw Damaged(path, $"its header claims {headerBytes} bytes of {file.Length}");
            var json = new byte[headerBytes];
            file.ReadExactly(json);
            using var header = JsonDocument.Parse(json);
            metadata = header.RootElement.TryGetProperty(MetadataKey, out var found)
                ? found.Deserialize<Dictionary<string, string>>(HeadstartJson.Compact)!
                : new Dictionary<string, string>();
            return header.RootElement.EnumerateObject()
                .Where(p => p.Name != MetadataKey)
                .ToDictionary(p => p.Name, p => ReadTensor(path, p.Name, p.Value.Deserialize<Entry>(EntryNames)!, file, LengthBytes + (long)headerBytes));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"Can't read {path}: {e.Message} Pass the folder of a finished run.", cause: e);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw Damaged(path, e.Message, e);
        }
    }

    private static NamedTensor ReadTensor(string path, string name, Entry entry, FileStream file, long firstValue)
    {
        if (entry.Dtype != "F32")
            throw new CommandException($"{path}: tensor '{name}' is {entry.Dtype}; a head's weights are F32.");
        if (entry.DataOffsets is not [>= 0 and var start, var end] || end < start || end > file.Length - firstValue || end - start > Array.MaxLength
            || entry.Shape.Any(d => d < 0) || entry.Shape.Aggregate((Int128)sizeof(float), (product, d) => product * d) != end - start)
        {
            throw Damaged(path, $"the byte range of '{name}' doesn't fit its shape or the file");
        }

        var values = new float[(end - start) / sizeof(float)];
        file.Position = firstValue + start;
        file.ReadExactly(MemoryMarshal.AsBytes(values.AsSpan()));
        return new NamedTensor(name, entry.Shape, values);
    }

    private static CommandException Damaged(string path, string how, Exception? cause = null) =>
        new($"{path} is not a safetensors file, or is damaged: {how}. Train the run again.", cause: cause);

    private static JsonSerializerOptions EntryNames { get; } = new(HeadstartJson.Compact) { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private sealed record Entry(string Dtype, long[] Shape, long[] DataOffsets);
}
