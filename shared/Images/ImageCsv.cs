using System.Globalization;
using CsvHelper;
using CsvHelper.Configuration;

namespace Headstart.Images;

/// <summary>Reads a picture set from a CSV with the columns <c>path,label[,split]</c>, in any order; others are ignored.</summary>
internal static class ImageCsv
{
    /// <exception cref="CommandException">A missing column, an empty path, a path given twice, or a malformed line; the message gives the
    /// line.</exception>
    public static ImageSet Read(string csvPath)
    {
        var root = ImageSet.FolderOf(csvPath);
        var items = new List<ImageItem>();
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        try
        {
            using var csv = new CsvReader(new StreamReader(csvPath), new CsvConfiguration(CultureInfo.InvariantCulture)
            {
                PrepareHeaderForMatch = header => header.Header.Trim().ToLowerInvariant(),
                TrimOptions = TrimOptions.Trim,
            });
            if (!csv.Read() || !csv.ReadHeader() || csv.GetFieldIndex("path", isTryGet: true) < 0
                || csv.GetFieldIndex("label", isTryGet: true) < 0)
                throw new CommandException(
                    $"{csvPath}:1: expected the columns path,label[,split]; found '{string.Join(',', csv.HeaderRecord ?? [])}'.");
            while (csv.Read())
            {
                var line = csv.Parser.RawRow;
                var path = csv.GetField("path")?.Replace('\\', '/');
                if (string.IsNullOrEmpty(path))
                    throw new CommandException($"{csvPath}:{line}: the path is empty. Fill it in, or remove the line.");
                if (!seen.TryAdd(path, line))
                    throw new CommandException($"{csvPath}:{line}: {path} is already on line {seen[path]}. Remove one of them.");
                items.Add(new ImageItem(path, Path.Combine(root, path), Field("label"), Field("split")));
            }

            return new ImageSet(root, items);

            string? Field(string column) => csv.TryGetField<string>(column, out var value) && !string.IsNullOrEmpty(value) ? value : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CsvHelperException)
        {
            throw new CommandException($"{csvPath} can't be read: {e.Message.Split('\n')[0].Trim()}", cause: e);
        }
    }
}
