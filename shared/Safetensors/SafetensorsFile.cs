using System.Runtime.InteropServices;
using Headstart.Models;

namespace Headstart.Safetensors;

/// <summary>
/// A safetensors file, which every deep-learning library opens: only the bytes of tensors that are asked for are ever read.
/// </summary>
/// <remarks>Not thread-safe.</remarks>
public sealed class SafetensorsFile : IDisposable
{
    private readonly string _path;
    private readonly FileStream _file;
    private readonly SafetensorsHeader _header;

    private SafetensorsFile(string path, FileStream file)
    {
        (_path, _file) = (path, file);
        Span<byte> first = stackalloc byte[SafetensorsHeader.LengthBytes];
        if (file.Length <= first.Length)
            throw SafetensorsHeader.Damaged(path, $"it has {file.Length} bytes");
        file.ReadExactly(first);
        var json = new byte[SafetensorsHeader.Length(path, first, file.Length)];
        file.ReadExactly(json);
        DataStart = file.Position;
        _header = SafetensorsHeader.Parse(path, json, file.Length - DataStart);
    }

    /// <summary>Where the tensors' bytes begin, in bytes from the start of the file.</summary>
    public long DataStart { get; }

    public IReadOnlyDictionary<string, SafetensorsEntry> Tensors => _header.Tensors;

    /// <summary>What the writer said beside the tensors.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <exception cref="CommandException">No such file; or its header is not one, or promises bytes that are not there, or the same bytes
    /// twice.</exception>
    public static SafetensorsFile Open(string path)
    {
        FileStream? file = null;
        try
        {
            file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            return new SafetensorsFile(path, file);
        }
        catch (Exception e)
        {
            file?.Dispose();
            if (e is IOException or UnauthorizedAccessException)
                throw Unreadable(path, e);
            throw;
        }
    }

    /// <summary>Every tensor of a file, all of them float32, and the metadata that was written with them.</summary>
    /// <exception cref="CommandException">As <see cref="Open"/>; or a tensor of another type.</exception>
    public static IReadOnlyDictionary<string, NamedTensor> Read(string path, out IReadOnlyDictionary<string, string> metadata)
    {
        using var file = Open(path);
        metadata = file.Metadata;
        if (file.Tensors.FirstOrDefault(t => t.Value.Type != "F32") is { Key: { } other, Value.Type: var type })
            throw new CommandException($"{path}: '{other}' holds {type} values; F32 weights are expected.");
        return file.Tensors.ToDictionary(
            t => t.Key, t => new NamedTensor(t.Key, [.. t.Value.Shape], file.ReadFloats(t.Key)), StringComparer.Ordinal);
    }

    /// <inheritdoc cref="Read(string, out IReadOnlyDictionary{string, string})"/>
    public static IReadOnlyDictionary<string, NamedTensor> Read(string path) => Read(path, out _);

    /// <summary>Writes a file whole or not at all; an existing one is replaced only when the new one is complete.</summary>
    /// <exception cref="CommandException">The target can't be written.</exception>
    public static void Write(string path, IReadOnlyList<NamedTensor> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        var entries = tensors.Select(
            t => KeyValuePair.Create(t.Name, new SafetensorsEntry("F32", t.Shape, Begin: 0, (long)t.Values.Length * sizeof(float))));
        var header = SafetensorsHeader.Bytes(entries, metadata);
        AtomicFile.Write(path, stream =>
        {
            stream.Write(header);
            foreach (var tensor in tensors)
                stream.Write(MemoryMarshal.AsBytes(tensor.Values.AsSpan()));
        });
    }

    /// <summary>The values of one tensor, row-major, as float32.</summary>
    /// <exception cref="CommandException">Not a floating-point tensor, one of 2 GiB and more, or the file can no longer be
    /// read.</exception>
    public float[] ReadFloats(string name)
    {
        var entry = Tensors[name];
        if (entry.Type is not ("F16" or "BF16" or "F32" or "F64"))
            throw new CommandException($"{_path}: '{name}' holds {entry.Type} values; F16, BF16, F32 or F64 weights are expected.");
        if (entry.Length > Array.MaxLength)
            throw new CommandException(
                $"{_path}: '{name}' has {entry.Length:N0} bytes; weights of at most {Array.MaxLength:N0} are expected.");
        if (entry.Type == "F32")
        {
            var values = new float[entry.Length / sizeof(float)];
            Read(entry, MemoryMarshal.AsBytes(values.AsSpan()));
            return values;
        }

        var bytes = new byte[entry.Length];
        Read(entry, bytes);
        return entry.Type switch
        {
            "F16" => FloatValues.FromFloat16(bytes),
            "BF16" => FloatValues.FromBFloat16(bytes),
            _ => FloatValues.FromFloat64(bytes),
        };
    }

    public void Dispose() => _file.Dispose();

    private void Read(SafetensorsEntry entry, Span<byte> bytes)
    {
        try
        {
            _file.Position = DataStart + entry.Begin;
            _file.ReadExactly(bytes);
        }
        catch (IOException e)
        {
            throw Unreadable(_path, e);
        }
    }

    private static CommandException Unreadable(string path, Exception cause) => new($"Can't read {path}: {cause.Message}", cause: cause);
}
