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

    public static string FileName(int number) => string.Create(CultureInfo.InvariantCulture, $"part-{number:D5}{Extension}");

    public static string DigestPath(string partPath) => partPath + ".sha256";

    /// <summary>The part files of a cache folder, in the order in which their rows are read.</summary>
    public static List<string> List(string folder) =>
        [.. Directory.EnumerateFiles(folder, "*" + Extension).Order(StringComparer.Ordinal)];

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
        var line = $"{Convert.ToHexStringLower(SHA256.HashData(content))}  {Path.GetFileName(path)}\n";
        var replaces = File.Exists(path) && File.Exists(digest);
        AtomicFile.WriteText(digest, replaces ? File.ReadAllText(digest) + line : line);
        var bytes = content.ToArray();
        AtomicFile.Write(path, stream => stream.Write(bytes));
        if (replaces)
            AtomicFile.WriteText(digest, line);
    }

    /// <summary>Removes a part and its digest. Killed in between, it leaves a digest without a part, which means nothing.</summary>
    public static void Delete(string path)
    {
        File.Delete(path);
        File.Delete(DigestPath(path));
    }
}
