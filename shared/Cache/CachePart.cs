using System.Globalization;
using System.Security.Cryptography;

namespace Headstart.Cache;

/// <summary>The names of part files, and the digest that lies beside each.</summary>
/// <remarks>
/// A digest file is what <c>sha256sum</c> writes, so <c>sha256sum -c *.sha256</c> checks a cache without Headstart. It is written before the part gets
/// its name. While a part is being replaced it holds two lines, for the old and the new content.
/// </remarks>
internal static class CachePart
{
    public const string Extension = ".parquet";

    private const string DigestSuffix = ".sha256";

    public static string FileName(int number) => string.Create(CultureInfo.InvariantCulture, $"part-{number:D5}{Extension}");

    public static string DigestPath(string partPath) => partPath + DigestSuffix;

    /// <summary>The part files of a cache folder, in the order in which their rows are read.</summary>
    public static List<string> List(string folder) =>
        [.. Directory.EnumerateFiles(folder, "*" + Extension).Order(StringComparer.Ordinal)];

    /// <summary>Digests whose part is not there.</summary>
    public static List<string> ListDigestsWithoutPart(string folder) =>
        [.. Directory.EnumerateFiles(folder, $"*{Extension}{DigestSuffix}").Where(d => !File.Exists(d[..^DigestSuffix.Length])).Order(StringComparer.Ordinal)];

    /// <summary>The lowest number that is above those of all parts in the folder.</summary>
    public static int NextNumber(string folder)
    {
        var next = 0;
        foreach (var path in List(folder))
        {
            var name = Path.GetFileNameWithoutExtension(path.AsSpan());
            var digits = name[(name.LastIndexOf('-') + 1)..];
            if (int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
                next = Math.Max(next, number + 1);
        }

        return next;
    }

    /// <summary>Puts whole content under a part's name, never leaving a part without a digest that fits.</summary>
    public static void Write(string path, ReadOnlySpan<byte> content)
    {
        var digest = DigestPath(path);
        var line = Line(path, content);
        var replaces = File.Exists(path) && File.Exists(digest);
        AtomicFile.WriteText(digest, replaces ? File.ReadAllText(digest) + line : line);
        var bytes = content.ToArray();
        AtomicFile.Write(path, stream => stream.Write(bytes));
        if (replaces)
            AtomicFile.WriteText(digest, line);
    }

    /// <summary>Reads a whole part and compares it with its digest.</summary>
    /// <exception cref="InvalidDataException">A byte of either has changed, or one is missing; the message says which.</exception>
    /// <exception cref="IOException">The file can't be read.</exception>
    public static byte[] ReadWhole(string path)
    {
        var content = File.ReadAllBytes(path);
        var digest = DigestPath(path);
        if (!File.Exists(digest))
            throw new InvalidDataException($"its digest {Path.GetFileName(digest)} is missing");

        // While a part is being replaced there are two lines; a reader may meet either content.
        var lines = File.ReadAllText(digest);
        var line = Line(path, content);
        if (lines != line && !(lines.Length == 2 * line.Length && (lines.StartsWith(line, StringComparison.Ordinal) || lines.EndsWith(line, StringComparison.Ordinal))))
            throw new InvalidDataException($"its bytes are not those that were written ({Path.GetFileName(digest)} has another digest)");
        return content;
    }

    /// <summary>Brings a folder into order after a killed run: no temporary files, no digest without its part, one line in each digest.</summary>
    public static void CleanUp(string folder)
    {
        foreach (var leftover in Directory.EnumerateFiles(folder, "*" + AtomicFile.TemporarySuffix).Concat(ListDigestsWithoutPart(folder)).ToList())
            File.Delete(leftover);
        foreach (var path in List(folder))
        {
            // Two lines: the run was killed while it replaced this part.
            if (File.Exists(DigestPath(path)) && File.ReadAllLines(DigestPath(path)) is [var before, var after])
            {
                var line = Line(path, File.ReadAllBytes(path));
                if (line == $"{before}\n" || line == $"{after}\n")
                    AtomicFile.WriteText(DigestPath(path), line);
            }
        }
    }

    /// <summary>Removes a part and its digest. Killed in between, it leaves a digest without a part, which means nothing.</summary>
    public static void Delete(string path)
    {
        File.Delete(path);
        File.Delete(DigestPath(path));
    }

    private static string Line(string path, ReadOnlySpan<byte> content) =>
        $"{Convert.ToHexStringLower(SHA256.HashData(content))}  {Path.GetFileName(path)}\n";
}
