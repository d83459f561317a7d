using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Headstart.Cache;

/// <summary>One of N machines that fill a cache together, each with its own images and its own files.</summary>
/// <param name="Index">From 0 to <paramref name="Count"/> - 1.</param>
/// <param name="Count">The number of shards.</param>
public sealed record Shard(int Index, int Count)
{
    // Where a job array says which of its tasks this is: Slurm, Kubernetes (indexed Jobs).
    private static readonly string[] IndexVariables = ["SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX"];

    /// <summary>In file names: <c>part-2-of-4-00000.parquet</c>, <c>rejected-2-of-4.csv</c>.</summary>
    public string Name => string.Create(CultureInfo.InvariantCulture, $"{Index}-of-{Count}");

    /// <summary>Reads <c>I/N</c>, or <c>auto/N</c> with I from the job array that the process runs in.</summary>
    /// <exception cref="CommandException">Not of that form, I not below N, or no job array; the message says which.</exception>
    public static Shard Parse(string text, Func<string, string?> environment)
    {
        var parts = text.Split('/');
        if (parts.Length != 2 || !TryNumber(parts[1], out var count) || count is < 1 or > 9999)
            throw CommandException.Usage($"--shard is '{text}'; it must be I/N or auto/N, with N from 1 to 9999 and I from 0 to N-1.");
        var (index, source) = parts[0] == "auto" ? FromJobArray(environment) : (parts[0], "--shard");
        return TryNumber(index, out var number) && number < count
            ? new Shard(number, count)
            : throw CommandException.Usage($"{source} says shard '{index}' of {count}; it must be from 0 to {count - 1}.");
    }

    /// <summary>
    /// Whether an image belongs to this shard: by a hash of its path, so that the images of a class are spread and a new image moves no
    /// other.
    /// </summary>
    /// <remarks>The first 8 bytes of the path's SHA-256 in UTF-8, as a big-endian number, modulo N.</remarks>
    public bool Owns(string path) =>
        BinaryPrimitives.ReadUInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(path))) % (ulong)Count == (ulong)Index;

    private static (string Index, string Source) FromJobArray(Func<string, string?> environment)
    {
        foreach (var variable in IndexVariables)
        {
            if (environment(variable) is { Length: > 0 } index)
                return (index, variable);
        }

        throw CommandException.Usage(
            $"--shard auto/N needs a job array: none of {string.Join(", ", IndexVariables)} is set. Give the shard as I/N.");
    }

    private static bool TryNumber(string text, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
