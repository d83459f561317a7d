using System.Text.Json;
using Headstart.Images;

namespace Headstart.Extraction.Demo;

/// <summary>
/// A folder of drawn pictures, <c>train/class/*.jpg</c> and <c>val/class/*.jpg</c>, to try everything with before having pictures of one's
/// own.
/// </summary>
internal static class DemoSet
{
    /// <summary>In the set's folder; says with which options it was drawn.</summary>
    public const string MarkerName = "demo-set.json";

    private const int JpegQuality = 90;

    // The marker holds the options and nothing else; derived properties would be refused when read back.
    // A name that this version doesn't know is an option that it couldn't draw by.
    private static readonly JsonSerializerOptions MarkerJson =
        new(HeadstartJson.Strict) { WriteIndented = true, IgnoreReadOnlyProperties = true };

    /// <summary>The pixels of one picture, before JPEG.</summary>
    public static RgbImage Draw(DemoSetOptions options, DemoItem item) =>
        DemoPicture.Draw(DemoClass.All[item.Class], DemoRandom.For(options.Seed, item.Class, item.Index));

    /// <summary>Draws the pictures that are not there yet. No file that is there is touched.</summary>
    /// <param name="folder">New, empty, or a demo set of the same options.</param>
    /// <param name="options">Must be valid.</param>
    /// <param name="threads">At most this many pictures at once; the pixels don't depend on it.</param>
    /// <param name="cancellation">Ends the work between two pictures; a later call goes on.</param>
    /// <returns>How many pictures were drawn.</returns>
    /// <exception cref="CommandException">The folder holds something else, or can't be written.</exception>
    public static int Write(string folder, DemoSetOptions options, int threads, CancellationToken cancellation)
    {
        Claim(folder, options);
        var drawn = 0;
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation };
        Parallel.ForEach(options.Items(), parallel, item =>
        {
            var path = Path.Combine(folder, item.Path);
            if (File.Exists(path))
                return;
            var jpeg = ImageEncoder.Jpeg(Draw(options, item), JpegQuality);
            AtomicFile.Write(path, stream => stream.Write(jpeg));
            Interlocked.Increment(ref drawn);
        });
        return drawn;
    }

    // Makes sure that the folder is ours to draw in: other people's pictures must not get mixed with drawn ones.
    private static void Claim(string folder, DemoSetOptions options)
    {
        if (File.Exists(folder))
            throw new CommandException($"{folder} is a file. Name a folder that is new or empty.");
        var marker = Path.Combine(folder, MarkerName);
        if (File.Exists(marker))
        {
            if (ReadMarker(marker) is var found && found != options)
            {
                throw new CommandException(
                    $"{folder} already holds another demo set ({Describe(found)}; asked for: {Describe(options)}). " +
                    "Name another folder, or delete this one.");
            }

            return;
        }

        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
            throw new CommandException($"{folder} is not empty, and what it holds is not a demo set. Name a folder that is new or empty.");
        AtomicFile.WriteText(marker, JsonSerializer.Serialize(options, MarkerJson) + "\n");
    }

    private static DemoSetOptions? ReadMarker(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<DemoSetOptions>(File.ReadAllText(path), MarkerJson);
        }
        catch (JsonException)
        {
            // Made by another version, or damaged: in any case not what was asked for.
            return null;
        }
    }

    private static string Describe(DemoSetOptions? options) => options is null
        ? "options unknown"
        : $"{options.Classes} classes{(options.Skip == 0 ? "" : $" after the first {options.Skip}")} of {options.PerClass}, seed " +
            $"{options.Seed}, drawing {options.Drawing}";
}
