namespace Headstart.Tests;

/// <summary>Pictures, weights and tools in <c>../shared</c>, beside the repository, which not everybody has.</summary>
internal static class SharedMaterial
{
    /// <summary>The full path of a file or folder; skips the test where it isn't there.</summary>
    public static string Find(string path)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (!File.Exists(Path.Combine(folder.FullName, "Solution.sln")))
                continue;
            var full = Path.GetFullPath(Path.Combine(folder.FullName, "..", "shared", path));
            Assert.SkipUnless(Path.Exists(full), $"The test material ../shared/{path} is not here.");
            return full;
        }

        Assert.Skip("The tests don't run inside the repository, so ../shared can't be found.");
        return "";
    }
}
