using System.Security.Cryptography;
using System.Text;

namespace Headstart.Models;

/// <summary>
/// A checksum of a model file that is kept inside the file itself, so that a flipped bit is found wherever the file was copied to.
/// </summary>
/// <remarks>It covers every byte: the digest is taken while its own 64 digits are zeros, then written over them.</remarks>
internal static class ModelSeal
{
    private const int Digits = 64;

    /// <summary>What stands in the contract until the digest is known.</summary>
    public static string Blank { get; } = new('0', Digits);

    /// <summary>Replaces <see cref="Blank"/> by the digest.</summary>
    /// <exception cref="ArgumentException">The bytes hold no contract with a blank seal.</exception>
    public static void Stamp(byte[] file)
    {
        var at = Find(file, Blank);
        if (at < 0)
            throw new ArgumentException("The file's contract has no blank seal.", nameof(file));
        Encoding.ASCII.GetBytes(Convert.ToHexStringLower(SHA256.HashData(file)), file.AsSpan(at, Digits));
    }

    public static bool Matches(ReadOnlySpan<byte> file, string seal)
    {
        var at = seal.Length == Digits ? Find(file, seal) : -1;
        if (at < 0)
            return false;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(file[..at]);
        hash.AppendData(Encoding.ASCII.GetBytes(Blank));
        hash.AppendData(file[(at + Digits)..]);
        return Convert.ToHexStringLower(hash.GetHashAndReset()) == seal;
    }

    private static int Find(ReadOnlySpan<byte> file, string seal)
    {
        const string property = "\"seal\":\"";
        var at = file.LastIndexOf(Encoding.ASCII.GetBytes(property + seal + '"'));
        return at < 0 ? -1 : at + property.Length;
    }
}
