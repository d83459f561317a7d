using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Headstart.Safetensors;

/// <summary>The header of a safetensors file: what tensors follow it and where, with every promise checked.</summary>
/// <remarks>8 bytes of length, little-endian; then JSON, name to type, shape and byte range; then the values.
/// https://github.com/huggingface/safetensors#format</remarks>
/// <param name="Tensors">By name.</param>
/// <param name="Metadata">What the writer said beside them; often nothing.</param>
public sealed record SafetensorsHeader(IReadOnlyDictionary<string, SafetensorsEntry> Tensors, IReadOnlyDictionary<string, string> Metadata)
{
    /// <summary>What must be read to know the length of the JSON.</summary>
    public const int LengthBytes = sizeof(ulong);

    // The format allows 100 MB. Real headers have a few kilobytes, and a header is read before anything is known of the file.
    private const int MaximumBytes = 16 << 20;
    private const string MetadataKey = "__metadata__";

    /// <summary>How long the JSON is.</summary>
    /// <param name="origin">A file or an address, for messages.</param>
    /// <param name="first">The file's first <see cref="LengthBytes"/> bytes.</param>
    /// <param name="fileLength">In bytes.</param>
    /// <exception cref="CommandException">Not a safetensors file.</exception>
    public static int Length(string origin, ReadOnlySpan<byte> first, long fileLength)
    {
        var length = BinaryPrimitives.ReadUInt64LittleEndian(first);
        return length is > 1 and <= MaximumBytes && (long)length <= fileLength - LengthBytes
            ? (int)length
            : throw Damaged(origin, $"its header claims {length:N0} bytes, and the file has {fileLength:N0}");
    }

    /// <param name="origin">A file or an address, for messages.</param>
    /// <param name="json">Without the bytes that give its length.</param>
    /// <param name="dataLength">How many bytes follow it.</param>
    /// <exception cref="CommandException">Not a header, or one that promises bytes that are not there, or the same bytes twice.</exception>
    public static SafetensorsHeader Parse(string origin, ReadOnlyMemory<byte> json, long dataLength)
    {
        var tensors = new Dictionary<string, SafetensorsEntry>(StringComparer.Ordinal);
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        try
        {
            using var document = JsonDocument.Parse(json);
            foreach (var property in document.RootElement.EnumerateObject())
            {
                if (property.Name == MetadataKey)
                {
                    metadata = property.Value.Deserialize<Dictionary<string, string>>(HeadstartJson.Compact) ?? metadata;
                    continue;
                }

                var offsets = property.Value.GetProperty("data_offsets");
                var entry = new SafetensorsEntry(
                    property.Value.GetProperty("dtype").GetString() ?? "",
                    [.. property.Value.GetProperty("shape").EnumerateArray().Select(d => d.GetInt64())],
                    offsets[0].GetInt64(),
                    offsets[1].GetInt64() - offsets[0].GetInt64());
                Check(origin, property.Name, entry, dataLength);
                if (!tensors.TryAdd(property.Name, entry))
                    throw Damaged(origin, $"'{property.Name}' is there twice");
            }
        }
        catch (Exception e)
            when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or IndexOutOfRangeException)
        {
            throw Damaged(origin, $"its header can't be read ({e.Message})", e);
        }

        var inOrder = tensors.Where(t => t.Value.Length > 0).OrderBy(t => t.Value.Begin).ToArray();
        for (var i = 1; i < inOrder.Length; i++)
        {
            if (inOrder[i].Value.Begin < inOrder[i - 1].Value.Begin + inOrder[i - 1].Value.Length)
                throw Damaged(origin, $"'{inOrder[i - 1].Key}' and '{inOrder[i].Key}' overlap");
        }

        return new SafetensorsHeader(tensors, metadata);
    }

    /// <summary>The first bytes of a file whose values lie one after the other; they follow.</summary>
    /// <param name="tensors">Each with its length in bytes; where an entry begins elsewhere does not matter.</param>
    /// <param name="metadata">Left out when empty.</param>
    public static byte[] Bytes(IEnumerable<KeyValuePair<string, SafetensorsEntry>> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        var header = new Dictionary<string, object>();
        if (metadata.Count > 0)
            header.Add(MetadataKey, metadata);
        var begin = 0L;
        foreach (var (name, tensor) in tensors)
        {
            header.Add(name, new Entry(tensor.Type, tensor.Shape, [begin, begin + tensor.Length]));
            begin += tensor.Length;
        }

        var json = JsonSerializer.SerializeToUtf8Bytes(header, HeadstartJson.Compact);

        // Spaces at the end keep the values aligned, as the format's own writer does.
        var bytes = new byte[LengthBytes + ((json.Length + 7) / 8 * 8)];
        bytes.AsSpan(LengthBytes).Fill((byte)' ');
        BinaryPrimitives.WriteInt64LittleEndian(bytes, bytes.Length - LengthBytes);
        json.CopyTo(bytes, LengthBytes);
        return bytes;
    }

    internal static CommandException Damaged(string origin, string what, Exception? cause = null) =>
        new($"{origin} is not a whole safetensors file: {what}. Fetch, export or train it again.", cause: cause);

    private static void Check(string origin, string name, SafetensorsEntry entry, long dataLength)
    {
        if (entry.Begin < 0 || entry.Length < 0 || entry.Begin > dataLength || entry.Length > dataLength - entry.Begin)
        {
            throw Damaged(
                origin, $"'{name}' should lie at bytes {entry.Begin:N0} to {(Int128)entry.Begin + entry.Length:N0} of the data, " +
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
            throw Damaged(
                origin, $"'{name}' has {entry.Length:N0} bytes, but {entry.Type} [{string.Join(", ", entry.Shape)}] needs {expected:N0}");
    }

    private sealed record Entry(
        [property: JsonPropertyName("dtype")] string Type,
        [property: JsonPropertyName("shape")] IReadOnlyList<long> Shape,
        [property: JsonPropertyName("data_offsets")] long[] Offsets);
}
