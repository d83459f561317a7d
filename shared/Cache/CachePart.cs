using System.Security.Cryptography;

namespace Headstart.Cache;

/// <summary>A part file and the digest that lies beside it.</summary>
/// <remarks>
/// A digest file is what <c>sha256sum</c> writes, so <c>sha256sum -c *.sha256</c> checks a cache without Headstart. It is written before
/// the part gets its name. While a part is being replaced it holds two lines, for the old and the new content.
/// </remarks>
internal static class CachePart
{
    public const string Extension = ".parquet";

    public const string DigestSuffix = ".sha256";

    public static string DigestPath(string partPath) => partPath + DigestSuffix;

    /// <summary>Puts whole content under a part's name, never leaving a part without a digest that fits.</summary>
    public static void Write(string path, ReadOnlyMemory<byte> content)
    {
        var digest = DigestPath(path);
        var line = Line(path, content.Span);
        var replaces = File.Exists(path) && File.Exists(digest);
        AtomicFile.WriteText(digest, replaces ? File.ReadAllText(digest) + line : line);
        AtomicFile.Write(path, stream => stream.Write(content.Span));
        if (replaces)
            AtomicFile.WriteText(digest, line);
    }

    /// <summary>Reads a whole part and compares it with its digest. The caller disposes of it.</summary>
    /// <exception cref="InvalidDataException">A byte of either has changed, or one is missing; the message says which.</exception>
    /// <exception cref="IOException">The file can't be read.</exception>
    public static PartContent ReadWhole(string path)
    {
        var content = PartContent.Read(path);
        try
        {
            Check(path, content.Bytes);
            return content;
        }
        catch
        {
            content.Dispose();
            throw;
        }
    }

    /// <summary>Whether a part is what was written: its digest is there, and fits.</summary>
    public static bool IsWhole(string path)
    {
        try
        {
            using var content = ReadWhole(path);
            return true;
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>The rows of a part without their features; null when it can't be read.</summary>
    /// <param name="check">Null too when the part is not what was written.</param>
    public static IReadOnlyList<CacheRow>? TryReadRows(string path, bool check)
    {
        try
        {
            using var content = check ? ReadWhole(path) : PartContent.Read(path);

            // The content is in memory, so there is nothing to wait for.
            return FeatureCache.ReadRowsAsync(content.OpenStream(), path, CancellationToken.None).GetAwaiter().GetResult().Rows;
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException or CommandException)
        {
            return null;
        }
    }

    /// <summary>Gives a whole part another name in its folder, and its digest with it.</summary>
    public static void Rename(string path, string target)
    {
        AtomicFile.WriteText(DigestPath(target), $"{File.ReadAllText(DigestPath(path)).Split(' ')[0]}  {Path.GetFileName(target)}\n");
        File.Move(path, target);
        File.Delete(DigestPath(path));
    }

    /// <summary>Leaves one line in the digest of a part that was being replaced when its writer was killed.</summary>
    public static void SettleDigest(string path)
    {
        if (!File.Exists(DigestPath(path)) || File.ReadAllLines(DigestPath(path)) is not [var before, var after])
            return;
        var line = Line(path, File.ReadAllBytes(path));
        if (line == $"{before}\n" || line == $"{after}\n")
            AtomicFile.WriteText(DigestPath(path), line);
    }

    /// <summary>Removes a part and its digest. Killed in between, it leaves a digest without a part, which means nothing.</summary>
    public static void Delete(string path)
    {
        File.Delete(path);
        File.Delete(DigestPath(path));
    }

    private static void Check(string path, ReadOnlySpan<byte> content)
    {
        var digest = DigestPath(path);
        if (!File.Exists(digest))
            throw new InvalidDataException($"its digest {Path.GetFileName(digest)} is missing");

        // While a part is being replaced there are two lines; a reader may meet either content.
        var lines = File.ReadAllText(digest);
        var line = Line(path, content);
        if (lines != line && !(lines.Length == 2 * line.Length
            && (lines.StartsWith(line, StringComparison.Ordinal) || lines.EndsWith(line, StringComparison.Ordinal))))
            throw new InvalidDataException($"its bytes are not those that were written ({Path.GetFileName(digest)} has another digest)");
    }

    private static string Line(string path, ReadOnlySpan<byte> content) =>
        $"{Convert.ToHexStringLower(SHA256.HashData(content))}  {Path.GetFileName(path)}\n";
}
