namespace Headstart.Tests;

/// <summary>Where things lie in the repository that these tests were built from.</summary>
public static class Repository
{
    public static string Root { get; } = FindRoot();

    /// <summary>Test material beside the repository, which not everybody has: see <see cref="SharedMaterial"/>.</summary>
    private static string Shared => Path.GetFullPath(Path.Combine(Root, "..", "shared"));

    /// <summary>The output folder of a project, built in the configuration of these tests (<c>bin/Debug/net10.0/linux-x64</c>, say).</summary>
    public static string OutputOf(string project)
    {
        var ownOutput = Path.GetRelativePath(Path.Combine(Root, "tests", "EndToEnd"), AppContext.BaseDirectory);
        return Path.Combine(Root, project, ownOutput);
    }

    /// <summary>A file or folder of the test material; skips the test where it isn't there.</summary>
    public static string SharedMaterial(string path)
    {
        var full = Path.Combine(Shared, path);
        Assert.SkipUnless(Path.Exists(full), $"The test material ../shared/{path} is not here.");
        return full;
    }

    private static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Solution.sln")))
            folder = Path.GetDirectoryName(folder) ?? throw new DirectoryNotFoundException("No Solution.sln above the tests.");
        return folder;
    }
}
