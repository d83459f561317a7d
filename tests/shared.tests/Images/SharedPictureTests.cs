namespace Headstart.Tests.Images;

/// <summary>
/// Real photographs and hard files in ../shared/data, beside PIL on this machine. Extra: skipped where either is missing.
/// </summary>
public sealed class SharedPictureTests
{
    [Theory]
    [InlineData("nasty", 1000)]
    [InlineData("cats-dogs/val", 40)]
    [InlineData("flowers/val", 40)]
    public void Pixels_equal_PILs_and_what_PIL_rejects_is_rejected(string folder, int most)
    {
        var root = SharedMaterial.Find($"data/{folder}");
        string[] paths = [.. Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Take(most)];
        var theirs = PilPixels.Read(paths);

        Assert.Equal(
            paths.Zip(theirs, (path, theirs) => $"{Path.GetFileName(path)}: {theirs}"),
            paths.Select(path => $"{Path.GetFileName(path)}: {PilPixels.OfOurs(File.ReadAllBytes(path))}"));
    }
}
