using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text.Json;
using Headstart.CommandLine;
using Headstart.Extraction.Import;
using Headstart.Models;

namespace Headstart.Extraction.Shelf;

/// <summary>The tensors of a base within a safetensors file, which mostly consists of a classifier that nobody here needs.</summary>
/// <param name="Tensors">In the order of the file; <see cref="SafetensorsEntry.Begin"/> counts from <paramref name="DataStart"/>.</param>
/// <param name="DataStart">Where the data begin, in bytes from the start of the file.</param>
/// <param name="HasOthers">Whether the file has more than these.</param>
internal sealed record BaseTensors(IReadOnlyList<KeyValuePair<string, SafetensorsEntry>> Tensors, long DataStart, bool HasOthers)
{
    // The format allows 100 MB. A VGG's header has some kilobytes, and this one is read before anything is known of the file.
    private const ulong MaximumHeader = 16_000_000;

    private static readonly string[] BatchNormParts = ["weight", "bias", "running_mean", "running_var"];

    /// <summary>What must be read to know the length of the header.</summary>
    public const int LengthBytes = 8;

    /// <summary>The bytes of the source that hold the tensors, neighbours joined, in order.</summary>
    public IReadOnlyList<(long From, long Length)> Spans()
    {
        var spans = new List<(long From, long Length)>();
        foreach (var (_, tensor) in Tensors)
        {
            var from = DataStart + tensor.Begin;
            if (spans is [.., var last] && last.From + last.Length == from)
                spans[^1] = (last.From, last.Length + tensor.Length);
            else
                spans.Add((from, tensor.Length));
        }

        return spans;
    }

    /// <summary>The length and the header of a safetensors file that holds these tensors alone; <see cref="Spans"/> follow it.</summary>
    public byte[] Header()
    {
        var entries = new Dictionary<string, object>();
        var begin = 0L;
        foreach (var (name, tensor) in Tensors)
        {
            entries[name] = new Dictionary<string, object>
            {
                ["dtype"] = tensor.Type,
                ["shape"] = tensor.Shape,
                ["data_offsets"] = new[] { begin, begin + tensor.Length },
            };
            begin += tensor.Length;
        }

        var json = JsonSerializer.SerializeToUtf8Bytes(entries, HeadstartJson.Compact);

        // Spaces at the end keep the values aligned, as the format's own writer does.
        var header = new byte[LengthBytes + ((json.Length + 7) / 8 * 8)];
        header.AsSpan(LengthBytes).Fill((byte)' ');
        BinaryPrimitives.WriteInt64LittleEndian(header, header.Length - LengthBytes);
        json.CopyTo(header, LengthBytes);
        return header;
    }

    /// <param name="origin">A file or an address, for messages.</param>
    /// <param name="first">The first <see cref="LengthBytes"/> bytes.</param>
    /// <exception cref="CommandException">Not a safetensors file.</exception>
    public static int HeaderLength(string origin, ReadOnlySpan<byte> first, long fileLength)
    {
        var length = BinaryPrimitives.ReadUInt64LittleEndian(first);
        return length is > 1 and <= MaximumHeader && (long)length <= fileLength - LengthBytes
            ? (int)length
            : throw new CommandException($"{origin} is not a safetensors file.");
    }

    /// <param name="origin">A file or an address, for messages.</param>
    /// <param name="header">Without the bytes that give its length.</param>
    /// <exception cref="CommandException">The header is damaged, or the tensors are not those of the model.</exception>
    public static BaseTensors Find(string origin, byte[] header, long fileLength, ShelfModel model)
    {
        var dataStart = (long)LengthBytes + header.Length;
        var all = SafetensorsFile.ParseHeader(origin, header, fileLength - dataStart);
        var names = VggTensorNames.Find(origin, all.ToDictionary(t => t.Key, t => t.Value.Shape));
        var architecture = VggArchitecture.Named(model.Architecture);
        var wanted = new List<string>();
        foreach (var convolution in model.Convolutions())
        {
            var kernel = $"{names.Convolution(architecture, convolution)}.weight";
            long[] shape = [convolution.OutChannels, convolution.InChannels, 3, 3];
            if (!all.TryGetValue(kernel, out var entry) || !entry.Shape.SequenceEqual(shape))
                throw new CommandException($"{origin} has no tensor '{kernel}' of shape [{string.Join(", ", shape)}]: these are not the weights of a {model.Architecture}.");
            wanted.AddRange([kernel, $"{names.Convolution(architecture, convolution)}.bias"]);
            if (names.BatchNorm)
                wanted.AddRange(BatchNormParts.Select(part => $"{names.Norm(architecture, convolution)}.{part}"));
        }

        var tensors = wanted.Where(all.ContainsKey).Select(n => KeyValuePair.Create(n, all[n])).OrderBy(t => t.Value.Begin).ToArray();
        return new BaseTensors(tensors, dataStart, tensors.Length < all.Count);
    }

    /// <summary><see cref="Find"/> in a file that is here.</summary>
    public static BaseTensors FindIn(string path, ShelfModel model)
    {
        using var stream = OpenRead(path);
        var first = new byte[LengthBytes];
        if (stream.ReadAtLeast(first, LengthBytes, throwOnEndOfStream: false) < LengthBytes)
            throw new CommandException($"{path} is not a safetensors file: it has {stream.Length} bytes.");
        var header = new byte[HeaderLength(path, first, stream.Length)];
        stream.ReadExactly(header);
        return Find(path, header, stream.Length, model);
    }

    /// <summary>The SHA-256 of each tensor's bytes, by its name.</summary>
    public SortedDictionary<string, string> Digests(string path)
    {
        using var stream = OpenRead(path);
        var digests = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, tensor) in Tensors)
        {
            var bytes = new byte[tensor.Length];
            stream.Position = DataStart + tensor.Begin;
            stream.ReadExactly(bytes);
            digests[name] = Convert.ToHexStringLower(SHA256.HashData(bytes));
        }

        return digests;
    }

    private static FileStream OpenRead(string path)
    {
        try
        {
            return File.OpenRead(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"Can't read {path}: {e.Message}", cause: e);
        }
    }
}
