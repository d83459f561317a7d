namespace Headstart.Images;

/// <summary>What is in a picture set: a folder of classes, a folder of splits of classes, a flat folder, a CSV, or one image.</summary>
/// <remarks>
/// <para>An image is a regular file (also through links) with a known extension in any case; what it really is, the decoder sees from its
/// bytes. Names that begin with a dot are the file system's own (<c>.DS_Store</c>, <c>._cat.jpg</c>) and no images.</para>
/// <para>In a folder, the names below the top are classes, unless every one of them is the name of a split. Deeper folders belong to their
/// class, as in Keras' <c>image_dataset_from_directory</c>.</para>
/// </remarks>
public sealed record ImageSet(string Root, IReadOnlyList<ImageItem> Items)
{
    internal static readonly HashSet<string> Extensions =
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
            : !File.Exists(path)
                ? throw new CommandException($"No such folder or file: {path}. Pass a folder 'class/image', a folder " +
                    "'train/class/image', or a CSV with the columns path,label.")
            : path.EndsWith(".csv", StringComparison.OrdinalIgnoreCase) ? ImageCsv.Read(path)
            : new ImageSet(FolderOf(path), [new ImageItem(System.IO.Path.GetFileName(path), path, null, null)]);
        if (set.Items.Count == 0)
        {
            throw new CommandException(
                $"No images in {path}: no file there, or in a folder below it, is named {string.Join(' ', Extensions)}. " +
                "Expected are folders 'class/image' or 'train/class/image'.");
        }

        return set;
    }

    /// <summary>The images for which <paramref name="predicate"/> holds.</summary>
    public ImageSet Where(Func<ImageItem, bool> predicate) => new(Root, [.. Items.Where(predicate)]);

    internal static string FolderOf(string file) => System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(file))!;

    private static ImageSet FromFolder(string root)
    {
        var listing = FolderListing.Of(root);
        var files = listing.Files;
        files.Sort(StringComparer.Ordinal);
        var inFolders = files.Where(f => f.Contains('/', StringComparison.Ordinal)).ToList();
        if (inFolders.Count == 0)
            return new ImageSet(root, [.. WithLookalikes(f => Folders(f) == 0).Select(f => Item(f, null, null))]);
        if (inFolders.Count < files.Count)
        {
            var stray = files.First(f => !f.Contains('/', StringComparison.Ordinal));
            throw new CommandException($"{root} has images both in class folders and beside them ({stray}), so their class is not known. " +
                "Move each image into a folder with its class's name.");
        }

        var hasSplits = inFolders.All(f => SplitNames.Contains(f[..f.IndexOf('/', StringComparison.Ordinal)]));
        return new ImageSet(root, hasSplits
            ? [.. WithLookalikes(f => Folders(f) > 1).Select(SplitItem)]
            : [.. WithLookalikes(f => Folders(f) > 0).Select(f => Item(f, f.Split('/')[0], null))]);

        // An empty folder where an image could be is listed, so that it is rejected with a reason instead of being passed over.
        IEnumerable<string> WithLookalikes(Func<string, bool> isPlaceOfImages) =>
            files.Count == 0 ? [] : files.Concat(listing.Lookalikes.Where(isPlaceOfImages)).Order(StringComparer.Ordinal);

        static int Folders(string path) => path.Count(c => c == '/');

        ImageItem Item(string path, string? label, string? split) => new(path, System.IO.Path.Combine(root, path), label, split);

        ImageItem SplitItem(string path)
        {
            var parts = path.Split('/');
            return parts.Length > 2
                ? Item(path, parts[1], parts[0])
                : throw new CommandException(
                    $"{System.IO.Path.Combine(root, path)} lies directly in the split '{parts[0]}', so its class is not known. " +
                    $"Move it to {parts[0]}/CLASS/{parts[1]}.");
        }
    }
}
