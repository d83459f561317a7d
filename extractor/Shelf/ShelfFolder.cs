namespace Headstart.Extraction.Shelf;

/// <summary>Where fetched weights stay on this machine, with a record of what the first fetch brought: a folder a model.</summary>
internal sealed record ShelfFolder(string Path)
{
    public const string Variable = "HEADSTART_CACHE";

    /// <summary>
    /// <c>HEADSTART_CACHE</c>, else <c>XDG_CACHE_HOME/headstart</c>, else <c>~/.cache/headstart</c> (<c>%LOCALAPPDATA%\headstart</c> on
    /// Windows).
    /// </summary>
    /// <param name="environment">Gives a variable's value, or null.</param>
    public static ShelfFolder Locate(Func<string, string?> environment)
    {
        if (environment(Variable) is { Length: > 0 } chosen)
            return new ShelfFolder(System.IO.Path.Combine(System.IO.Path.GetFullPath(chosen), "shelf"));

        // The XDG specification: a relative path is to be ignored.
        var root = environment("XDG_CACHE_HOME") is { Length: > 0 } xdg && System.IO.Path.IsPathFullyQualified(xdg)
            ? xdg
            : OperatingSystem.IsWindows()
                ? Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData)
                : System.IO.Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        return new ShelfFolder(System.IO.Path.Combine(root, "headstart", "shelf"));
    }

    /// <summary>The whole file of weights.</summary>
    public string Whole(ShelfModel model) => System.IO.Path.Combine(Path, model.Name, model.File);

    /// <summary>The file that holds only the tensors of the base.</summary>
    public string Base(ShelfModel model) => System.IO.Path.Combine(Path, model.Name, BaseName(model));

    /// <summary>What <see cref="Base"/> is called, without its folder.</summary>
    public static string BaseName(ShelfModel model) =>
        $"{System.IO.Path.GetFileNameWithoutExtension(model.File)}.base{System.IO.Path.GetExtension(model.File)}";

    /// <summary>See <see cref="FetchRecord"/>.</summary>
    public string Record(ShelfModel model) => System.IO.Path.Combine(Path, model.Name, "record.json");
}
