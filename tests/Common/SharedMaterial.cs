namespace Headstart.Tests;

/// <summary>Pictures, weights and tools in <c>../shared</c>, beside the repository, which not everybody has.</summary>
internal static class SharedMaterial
{
    /// <summary>The full path of a file or folder; skips the test where it isn't there.</summary>
    public static string Find(string path)
    {
        var full = Path.GetFullPath(Path.Combine(Repository.Root, "..", "shared", path));
        Assert.SkipUnless(Path.Exists(full), $"The test material ../shared/{path} is not here.");
        return full;
    }
}
