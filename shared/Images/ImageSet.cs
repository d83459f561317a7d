using Headstart.CommandLine;

namespace Headstart.Images;

/// <summary>What is in a picture set: a folder of classes, a folder of splits of classes, a flat folder, a CSV, or one image.</summary>
/// <remarks>
/// <para>An image is a regular file (also through links) with a known extension in any case; what it really is, the decoder sees from its bytes.
/// Names that begin with a dot are the file system's own (<c>.DS_Store</c>, <c>._cat.jpg</c>) and no images.</para>
/// <para>In a folder, the names below the top are classes, unless every one of them is the name of a split. Deeper folders belong to their class,
/// as in Keras' <c>image_dataset_from_directory</c>.</para>
/// </remarks>
public sealed record ImageSet(string Root, IReadOnlyList<ImageItem> Items)
{
    private static readonly HashSet<string> Extensions =
        new([".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff"], StringComparer.OrdinalIgnoreCase);

    private static readonly HashSet<string> SplitNames = new(["train", "val", "valid", "validation", "test"], StringComparer.Ordinal);

    /// <summary>The distinct labels in ordinal order, as Keras numbers its classes; empty for a set without labels.</summary>
    public IReadOnlyList<string> Classes { get; } =
        [.. Items.Select(i => i.Label).OfType<string>().Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    /// <summary>Lists the images below a folder, in a CSV, or the one image; sorted by path, a CSV in its own order.</summary>
    /// <exception cref="CommandException">Nothing there, or nothing in it that could be an image.</exception>
    public static ImageSet Open(string path)
    {
        var set = Directory.Exists(path) ? FromFolder(path)
            : !File.Exists(path) ? throw new CommandException($"No such folder or file: {path}. Pass a folder 'class/image', a folder 'train/class/image', or a CSV with the columns path,label.")
            : path.EndsWith(".csv", StringComparison.OrdinalIgnoreCase) ? ImageCsv.Read(path)
            : new ImageSet(FolderOf(path), [new ImageItem(System.IO.Path.GetFileName(path), path, null, null)]);
        if (set.Items.Count == 0)
        {
            throw new CommandException($"No images in {path}: no file there, or in a folder below it, is named {string.Join(' ', Extensions)}. " +
                "Expected are folders 'class/image' or 'train/class/image'.");
        }

        return set;
    }

    /// <summary>The images for which <paramref name="predicate"/> holds.</summary>
    public ImageSet Where(Func<ImageItem, bool> predicate) => new(Root, [.. Items.Where(predicate)]);

    internal static string FolderOf(string file) => System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(file))!;

    private static ImageSet FromFolder(string root)
    {
        var files = new List<string>();
        Collect(new DirectoryInfo(root), "", [], files);
        files.Sort(StringComparer.Ordinal);

        var inFolders = files.Where(f => f.Contains('/', StringComparison.Ordinal)).ToList();
        if (inFolders.Count == 0)
            return new ImageSet(root, [.. files.Select(f => Item(f, null, null))]);
        if (inFolders.Count < files.Count)
        {
            var stray = files.First(f => !f.Contains('/', StringComparison.Ordinal));
            throw new CommandException($"{root} has images both in class folders and beside them ({stray}), so their class is not known. " +
                "Move each image into a folder with its class's name.");
        }

        var hasSplits = inFolders.All(f => SplitNames.Contains(f[..f.IndexOf('/', StringComparison.Ordinal)]));
        return new ImageSet(root, [.. inFolders.Select(f => hasSplits ? SplitItem(f) : Item(f, f.Split('/')[0], null))]);

        ImageItem Item(string path, string? label, string? split) => new(path, System.IO.Path.Combine(root, path), label, split);

        ImageItem SplitItem(string path)
        {
            var parts = path.Split('/');
            return parts.Length > 2
                ? Item(path, parts[1], parts[0])
                : throw new CommandException($"{System.IO.Path.Combine(root, path)} lies directly in the split '{parts[0]}', so its class is not known. " +
                    $"Move it to {parts[0]}/CLASS/{parts[1]}.");
        }
    }

    // Follows links to folders, but not back into a folder that it is in.
    private static void Collect(DirectoryInfo folder, string prefix, List<string> ancestors, List<string> files)
    {
        var real = folder.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? folder.FullName;
        if (ancestors.Contains(real))
            return;
        ancestors.Add(real);
        try
        {
            foreach (var entry in folder.EnumerateFileSystemInfos())
            {
                if (entry.Name.StartsWith('.'))
                    continue;
                if (entry is DirectoryInfo inner)
                    Collect(inner, $"{prefix}{entry.Name}/", ancestors, files);
                else if (Extensions.Contains(entry.Extension))
                    files.Add(prefix + entry.Name);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"Can't list {folder.FullName}: {e.Message} Make it readable, or move it away.", cause: e);
        }

        ancestors.RemoveAt(ancestors.Count - 1);
    }
}
