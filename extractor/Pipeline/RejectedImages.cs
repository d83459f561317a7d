using System.Globalization;
using CsvHelper;

namespace Headstart.Extraction.Pipeline;

/// <summary>The images of a run that can't be used, written as a CSV with the columns <c>path,reason</c>.</summary>
internal sealed class RejectedImages
{
    private readonly List<(string Path, string Reason)> _images = [];
    private readonly HashSet<string> _paths = new(StringComparer.Ordinal);

    public int Count => _images.Count;

    public IReadOnlyList<(string Path, string Reason)> Images => _images;

    public IReadOnlySet<string> Paths => _paths;

    /// <summary>Lists an image; once, however many of its views are rejected.</summary>
    /// <remarks>Two files whose names are not UTF-8 may look alike, so the plain view is always listed.</remarks>
    public void Add(string path, string reason, int view)
    {
        if (_paths.Add(path) || view == 0)
            _images.Add((path, reason));
    }

    /// <summary>Writes the list, or removes an old one when there is nothing to list.</summary>
    /// <param name="path">The list.</param>
    /// <returns>The list, or null when nothing was rejected.</returns>
    public string? Write(string path)
    {
        if (_images.Count == 0)
        {
            File.Delete(path);
            return null;
        }

        AtomicFile.Write(path, stream =>
        {
            using var csv = new CsvWriter(new StreamWriter(stream, leaveOpen: true), CultureInfo.InvariantCulture);
            csv.WriteField("path");
            csv.WriteField("reason");
            csv.NextRecord();
            foreach (var (image, reason) in _images)
            {
                csv.WriteField(image);
                csv.WriteField(reason);
                csv.NextRecord();
            }
        });
        return path;
    }
}
