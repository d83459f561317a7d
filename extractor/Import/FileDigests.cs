using System.Security.Cryptography;

namespace Headstart.Extraction.Import;

/// <summary>Of a whole file, in lower-case hex.</summary>
internal sealed record FileDigests(string Sha256, string Md5)
{
    /// <exception cref="CommandException">The file can't be read.</exception>
    public static FileDigests OfFile(string path)
    {
        try
        {
            using var sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            using var md5 = IncrementalHash.CreateHash(HashAlgorithmName.MD5);
            using var stream = File.OpenRead(path);
            var buffer = new byte[1 << 20];
            while (stream.Read(buffer) is > 0 and var count)
            {
                sha256.AppendData(buffer, 0, count);
                md5.AppendData(buffer, 0, count);
            }

            return new FileDigests(Convert.ToHexStringLower(sha256.GetHashAndReset()), Convert.ToHexStringLower(md5.GetHashAndReset()));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"Can't read {path}: {e.Message}", cause: e);
        }
    }
}
