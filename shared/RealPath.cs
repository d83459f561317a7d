namespace Headstart;

/// <summary>Where a path leads once every link in it is followed.</summary>
/// <remarks>
/// .NET joins a link's target to the link's own folder as text, which goes astray where that folder is a link too; and the size and time
/// that it gives for a link are the link's own, so that a link to a device looks like a small file.
/// </remarks>
public static class RealPath
{
    // As Linux counts before it says ELOOP.
    private const int MostLinks = 40;

    /// <summary>The path without links; what isn't there is left as it is.</summary>
    /// <param name="path">Of a file or a folder, there or not.</param>
    /// <exception cref="IOException">The links lead in a circle.</exception>
    public static string Of(string path)
    {
        var full = Path.GetFullPath(path);
        var at = Path.GetPathRoot(full)!;
        var ahead = new Stack<string>();
        Push(full[at.Length..]);
        for (var links = 0; ahead.TryPop(out var name);)
        {
            if (name == "..")
            {
                at = Path.GetDirectoryName(at) ?? at;
                continue;
            }

            var next = Path.Join(at, name);
            if (new FileInfo(next).LinkTarget is not { } target)
            {
                at = next;
                continue;
            }

            if (++links > MostLinks)
                throw new IOException("a link that leads in a circle");
            if (Path.GetPathRoot(target) is { Length: > 0 } root)
                (at, target) = (root, target[root.Length..]);
            Push(target);
        }

        return at;

        void Push(string names)
        {
            foreach (var name in names.Split([Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar]).Reverse())
            {
                if (name is not ("" or "."))
                    ahead.Push(name);
            }
        }
    }
}
