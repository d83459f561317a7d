namespace Headstart.Images;

/// <summary>The files below a folder that are named like images, links followed.</summary>
/// <remarks>
/// A folder that is reached by several links is listed under each of its names, but never again inside itself. The real paths of the
/// folders on the way tell: the names of folders in a circle have no end.
/// </remarks>
internal sealed class FolderListing
{
    // Folders that link to each other without a circle still have as many names as there are ways through them: the factorial of their
    // number.
    private const int MostNames = 1000;

    private readonly List<string> _ancestors = [];
    private readonly Dictionary<string, int> _names = new(StringComparer.Ordinal);

    /// <summary>Relative to the folder, with <c>/</c> separators, in no order.</summary>
    public List<string> Files { get; } = [];

    /// <summary>Folders that are named like images and hold none.</summary>
    public List<string> Lookalikes { get; } = [];

    /// <exception cref="CommandException">A folder that can't be listed.</exception>
    public static FolderListing Of(string root)
    {
        var listing = new FolderListing();
        try
        {
            listing.Collect(new DirectoryInfo(root), RealPath.Of(root), "");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"Can't list {root}: {e.Message.TrimEnd('.')}. Make it readable, or move it away.", cause: e);
        }

        return listing;
    }

    private void Collect(DirectoryInfo folder, string real, string prefix)
    {
        if (_ancestors.Contains(real))
            return;
        if ((_names[real] = _names.GetValueOrDefault(real) + 1) > MostNames)
            throw new CommandException(
                $"Links lead to {real} in more than {MostNames:N0} ways, one of them {folder.FullName}. Remove those that are not meant.");
        _ancestors.Add(real);
        foreach (var entry in folder.EnumerateFileSystemInfos())
        {
            if (entry.Name.StartsWith('.'))
                continue;
            var (name, looksLikeImage) = (prefix + entry.Name, ImageSet.Extensions.Contains(entry.Extension));
            if (entry is not DirectoryInfo inner)
            {
                if (looksLikeImage)
                    Files.Add(name);
                continue;
            }

            if (entry.Name.Contains('\uFFFD', StringComparison.Ordinal))
            {
                throw new CommandException(
                    $"Can't list {entry.FullName}: its name is not UTF-8, and each \uFFFD stands for bytes that are not. " +
                    $"'ls -b {folder.FullName}' shows them. Rename the folder.");
            }

            var before = Files.Count;
            Collect(inner, entry.LinkTarget is null ? Path.Join(real, entry.Name) : RealPath.Of(entry.FullName), name + "/");
            if (looksLikeImage && Files.Count == before)
                Lookalikes.Add(name);
        }

        _ancestors.RemoveAt(_ancestors.Count - 1);
    }
}
