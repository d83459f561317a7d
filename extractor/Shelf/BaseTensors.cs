using System.Security.Cryptography;
using Headstart.Extraction.Import;
using Headstart.Models;
using Headstart.Safetensors;

namespace Headstart.Extraction.Shelf;

/// <summary>The tensors of a base within a safetensors file, which mostly consists of a classifier that nobody here needs.</summary>
/// <param name="Tensors">In the order of the file; <see cref="SafetensorsEntry.Begin"/> counts from <paramref name="DataStart"/>.</param>
/// <param name="DataStart">Where the data begin, in bytes from the start of the file.</param>
/// <param name="HasOthers">Whether the file has more than these.</param>
internal sealed record BaseTensors(IReadOnlyList<KeyValuePair<string, SafetensorsEntry>> Tensors, long DataStart, bool HasOthers)
{
    private static readonly string[] BatchNormParts = ["weight", "bias", "running_mean", "running_var"];

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
    public byte[] Header() => SafetensorsHeader.Bytes(Tensors, new Dictionary<string, string>());

    /// <param name="origin">A file or an address, for messages.</param>
    /// <param name="header">Without the bytes that give its length.</param>
    /// <exception cref="CommandException">The header is damaged, or the tensors are not those of the model.</exception>
    public static BaseTensors Find(string origin, byte[] header, long fileLength, ShelfModel model)
    {
        var dataStart = (long)SafetensorsHeader.LengthBytes + header.Length;
        return Find(origin, SafetensorsHeader.Parse(origin, header, fileLength - dataStart).Tensors, dataStart, model);
    }

    /// <summary>Those in a file that is here.</summary>
    /// <exception cref="CommandException">The file can't be read, is damaged, or its tensors are not those of the model.</exception>
    public static BaseTensors FindIn(string path, ShelfModel model)
    {
        using var file = SafetensorsFile.Open(path);
        return Find(path, file.Tensors, file.DataStart, model);
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

    private static BaseTensors Find(string origin, IReadOnlyDictionary<string, SafetensorsEntry> all, long dataStart, ShelfModel model)
    {
        var names = VggTensorNames.Find(origin, all.ToDictionary(t => t.Key, t => t.Value.Shape));
        var architecture = VggArchitecture.Named(model.Architecture);
        var wanted = new List<string>();
        foreach (var convolution in model.Convolutions())
        {
            var kernel = $"{names.Convolution(architecture, convolution)}.weight";
            long[] shape = [convolution.OutChannels, convolution.InChannels, 3, 3];
            if (!all.TryGetValue(kernel, out var entry) || !entry.Shape.SequenceEqual(shape))
                throw new CommandException($"{origin} has no tensor '{kernel}' of shape [{string.Join(", ", shape)}]: these are not the " +
                    $"weights of a {model.Architecture}.");
            wanted.AddRange([kernel, $"{names.Convolution(architecture, convolution)}.bias"]);
            if (names.BatchNorm)
                wanted.AddRange(BatchNormParts.Select(part => $"{names.Norm(architecture, convolution)}.{part}"));
        }

        var tensors = wanted.Where(all.ContainsKey).Select(n => KeyValuePair.Create(n, all[n])).OrderBy(t => t.Value.Begin).ToArray();
        return new BaseTensors(tensors, dataStart, tensors.Length < all.Count);
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
